/** Where the package says what nobody asked for: a cleanup that failed, a file set aside. */
import { hasProblems, type SweepReport } from './report.ts';

/** What is needed of a logger; `console`, pino's and winston's fit as they are. Each call gets one text. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
}

/** Says what went wrong on standard error, and nothing when nothing did. */
export const defaultLogger: Logger = {
  info() {},
  warn(message) {
    console.warn(message);
  },
};

/** Says on `logger` what a sweep did: one line for each thing that went wrong, one line for the rest if there is any. */
export function logReport(logger: Logger, report: SweepReport): void {
  for (const file of report.files) {
    if (file.error) logger.warn(`deferred-sweep: ${file.path} ${file.outcome}: ${file.error.message}`);
    if (file.outcome === 'quarantined') {
      logger.warn(
        `deferred-sweep: ${file.path} is damaged (${file.damagedBytes} bytes), copied to ${file.deadLetter}`,
      );
    }
    for (const ran of file.functions) {
      if (ran.outcome === 'ok') continue;
      const fate = ran.deadLetter ? `given up, see ${ran.deadLetter}` : 'to be tried again';
      logger.warn(
        `deferred-sweep: ${ran.name} ${ran.outcome} in attempt ${ran.attempt}, ${fate}: ${ran.error?.message} (${file.path})`,
      );
    }
  }
  if (report.ok > 0 || hasProblems(report)) {
    logger.info(
      `deferred-sweep: ${report.directory}: ${report.ok} ok, ${report.failed} failed, ${report.pending} pending, ${report.live} live`,
    );
  }
}
