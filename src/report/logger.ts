import {
  type FileReport,
  type FunctionReport,
  hasProblems,
  LOCKED_OUTCOMES,
  outcomeWord,
  type SweepReport,
} from './report.ts';

/** A logger. `console`, pino's and winston's fit as they are. Each call gets one text. */
export interface Logger {
  info(message: string): void;
  warn(message: string): void;
}

/** Writes warnings to standard error, and drops the rest. */
export const defaultLogger: Logger = {
  info() {},
  warn(message) {
    console.warn(message);
  },
};

export const silent: Logger = { info() {}, warn() {} };

/** Warns of each function that did not succeed. @param whereOf - where a function is registered */
export function logFailures(
  logger: Logger,
  functions: readonly FunctionReport[],
  whereOf: (ran: FunctionReport) => string,
): void {
  for (const ran of functions) {
    if (ran.outcome === 'ok') continue;
    const fate = ran.deadLetter ? `given up, see dead letter ${ran.deadLetter}` : 'to be tried again';
    logger.warn(
      `deferred-sweep: ${ran.name} ${ran.outcome} in attempt ${ran.attempt}, ${fate}: ${ran.error?.message} (${whereOf(ran)})`,
    );
  }
}

/** Logs a warning for each problem of these files, then one line of counts unless nothing happened. */
export function logReport(
  logger: Logger,
  report: SweepReport,
  files: readonly FileReport[] = report.files,
): void {
  for (const file of files) {
    if (file.error) logger.warn(`deferred-sweep: ${file.path} ${outcomeWord(file)}: ${file.error.message}`);
    if (file.outcome === 'quarantined') {
      logger.warn(
        `deferred-sweep: ${file.path} is damaged (${file.damagedBytes} bytes), copied to ${file.deadLetter}`,
      );
    }
    logFailures(logger, file.functions, () => file.path);
  }
  if (report.ok > 0 || hasProblems(report)) {
    logger.info(
      `deferred-sweep: ${report.directory}: ${report.ok} ok, ${report.failed} failed, ${report.pending} pending, ${report.live} live`,
    );
  }
}

/** What of the sweeps of one caller, of a watch or a manager, that caller has not been told yet. */
export class News {
  /** By path: the fault that was told last. */
  readonly #told = new Map<string, string>();

  /** The files in which something has happened, or that have another fault than before. */
  of(files: readonly FileReport[]): FileReport[] {
    return files.filter(file => this.#isNew(file));
  }

  /** Forgets the faults of files that are not among these. */
  keep(files: readonly FileReport[]): void {
    const paths = new Set(files.map(({ path }) => path));
    for (const path of this.#told.keys()) if (!paths.has(path)) this.#told.delete(path);
  }

  #isNew({ path, outcome, functions, isRetired, error, deadLetter }: FileReport): boolean {
    const fault = error?.message ?? deadLetter;
    const isTold = fault === this.#told.get(path);
    if (fault === undefined || isRetired) this.#told.delete(path);
    else this.#told.set(path, fault);
    if (functions.length > 0) return true;
    // An owner that ended without close() left nothing to do. Of that nothing is told. With a fault something is: its
    // runner may have run functions, and could not be heard.
    if (isRetired) return fault !== undefined || !['ran', 'unfinished'].includes(outcome);
    if (LOCKED_OUTCOMES.includes(outcome) || outcome === 'waiting') return false;
    return fault !== undefined && !isTold;
  }
}
