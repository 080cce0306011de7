/** What a cluster sweep, or the end of a cluster job, has to say. Plain data: it goes through JSON as it is. */
import { type Logger, logFailures } from '../report/logger.ts';
import { countFunctions, type FunctionReport, type ReportedError } from '../report/report.ts';

export type { FunctionReport, ReportedError } from '../report/report.ts';

/** One owner whose functions were run, or could not be. */
export interface OwnerReport {
  /** Its id: 16 hexadecimal digits. */
  readonly id: string;
  /** `ran`: see its functions; `lost`: it was taken over by another meanwhile; `refused`: see the error. */
  readonly outcome: 'ran' | 'lost' | 'refused';
  readonly owner?: { readonly host: string; readonly pid: number; readonly bootId: string | null };
  readonly label?: string;
  readonly functions: readonly FunctionReport[];
  /** Functions that are left: for a later attempt, or for those who have their handlers. 0 where the error hides it. */
  readonly pending: number;
  readonly error?: ReportedError;
}

/** The counts are those of the owners in it. */
export interface ClusterReport {
  readonly pool: string;
  readonly owners: readonly OwnerReport[];
  readonly ok: number;
  readonly failed: number;
  readonly pending: number;
  /** False when it was stopped before the end, or could not go on. */
  readonly isComplete: boolean;
  /** How long it took, with connecting and waiting for the sweep before it. */
  readonly ms: number;
}

/** @param startMs - by `performance.now()` */
export function summarizeOwners(
  pool: string,
  owners: readonly OwnerReport[],
  isComplete: boolean,
  startMs: number,
): ClusterReport {
  const ms = Math.round(performance.now() - startMs);
  return { pool, owners, ...countFunctions(owners), isComplete, ms };
}

/** True if a function failed for now or for good, or an owner could not be served. */
export function hasClusterProblems(report: ClusterReport): boolean {
  return report.failed > 0 || !report.isComplete || report.owners.some(owner => owner.error !== undefined);
}

/** The id of an owner, as people see it: its key as an unsigned number of 16 hexadecimal digits. */
export function ownerId(key: string): string {
  return BigInt.asUintN(64, BigInt(key)).toString(16).padStart(16, '0');
}

/** One line for each thing that went wrong, one for the rest if there is any. */
export function logClusterReport(logger: Logger, report: ClusterReport): void {
  for (const { id, functions, error, outcome } of report.owners) {
    if (error) logger.warn(`deferred-sweep: owner ${id} ${outcome}: ${error.message}`);
    if (outcome === 'lost') logger.warn(`deferred-sweep: owner ${id} was taken over by another process`);
    logFailures(logger, functions, ran => `${id}.${ran.id}`);
  }
  if (report.ok > 0 || hasClusterProblems(report))
    logger.info(
      `deferred-sweep: pool ${report.pool}: ${report.ok} ok, ${report.failed} failed, ${report.pending} pending`,
    );
}
