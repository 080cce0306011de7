/** Says on a logger what a cluster sweep, or the end of a cluster job, did. */
import { type Logger, logFailures } from '../report/logger.ts';
import { type ClusterReport, hasClusterProblems } from './report.ts';

/** One line for each thing that went wrong, one for the rest if there is any. */
export function logClusterReport(logger: Logger, report: ClusterReport): void {
  for (const { id, functions, error, outcome } of report.owners) {
    if (error) logger.warn(`deferred-sweep: owner ${id} ${outcome}: ${error.message}`);
    if (outcome === 'lost') logger.warn(`deferred-sweep: owner ${id} was taken over by another process`);
    logFailures(logger, functions, ran => `${id}.${ran.id}`);
  }
  if (report.ok > 0 || hasClusterProblems(report)) {
    logger.info(
      `deferred-sweep: pool ${report.pool}: ${report.ok} ok, ${report.failed} failed, ${report.pending} pending`,
    );
  }
}
