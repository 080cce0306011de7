/** What a sweep, or the end of a job, has to say. Plain data: it goes through JSON as it is. */
import type { Owner, ReportedError } from '../state/record.ts';
import { reportError } from './reported-error.ts';

export type { Owner, ReportedError } from '../state/record.ts';

/** What became of a function. `skipped`: given up without a run, see its error. */
export type FunctionOutcome = 'ok' | 'failed' | 'timed-out' | 'crashed' | 'skipped';

/** One function that was run, or given up, in this sweep. */
export interface FunctionReport {
  /** Its number in its file, in order of registration, over all jobs the file was used for. */
  readonly id: number;
  readonly name: string;
  readonly outcome: FunctionOutcome;
  /** Which attempt this was, from 1, counted over all processes. */
  readonly attempt: number;
  /** How long it ran. */
  readonly ms: number;
  /** Why, unless the outcome is `ok`. */
  readonly error?: ReportedError;
  /** Where its dead letter lies, when it will not be tried again. */
  readonly deadLetter?: string;
}

/**
 * What a state file was found to be.
 * - `live`: its lock is held, so its owner (or a runner of its functions) lives; nothing was touched
 * - `ran`: it was taken over; see its functions (none, if its owner had nothing pending)
 * - `torn`: the same, and its last record was incomplete, as a death in mid-write leaves it
 * - `quarantined`: the same, and bytes of it are not what was written; a copy is in `dead/`
 * - `refused`: not taken over; see the error
 * - `unfinished`: what a creator left that died while setting up its file; removed
 */
export type FileOutcome = 'live' | 'ran' | 'torn' | 'quarantined' | 'refused' | 'unfinished';

/** One state file. */
export interface FileReport {
  readonly path: string;
  readonly outcome: FileOutcome;
  /** Who registered its functions; absent where the file was not read. */
  readonly owner?: Owner;
  /** The owner's label for the job. */
  readonly label?: string;
  /** Time since the file was created. */
  readonly ageMs?: number;
  readonly functions: readonly FunctionReport[];
  /** Whether the file is gone. False for a file taken over: something in it is still to be run, or see the error. */
  readonly isRetired: boolean;
  /** Functions in it that are to be run again by a later sweep. */
  readonly pending: number;
  /** Length of the incomplete last record. */
  readonly tornBytes?: number;
  /** How many bytes are not what was written. */
  readonly damagedBytes?: number;
  /** Where the copy of a damaged file lies. */
  readonly deadLetter?: string;
  /** What went wrong with the file itself. */
  readonly error?: ReportedError;
}

/** What a sweep, or the end of a job, did. */
export interface SweepReport {
  /** The state directory, absolute. */
  readonly directory: string;
  /** Every file met, in the order met; after a job, its own file comes first. */
  readonly files: readonly FileReport[];
  /** Files whose owner lives. */
  readonly live: number;
  /** Functions that ran and succeeded. */
  readonly ok: number;
  /** Functions that did not: failed, timed out, crashed or skipped. */
  readonly failed: number;
  /** Functions left to a later sweep. */
  readonly pending: number;
  /** False when the deadline or an abort ended the sweep before it had seen everything. */
  readonly isComplete: boolean;
  /** How long it took. */
  readonly ms: number;
}

/** What an attempt came to that ended with this error, or with none. */
export function outcomeOf(error: ReportedError | undefined): FunctionOutcome {
  if (!error) return 'ok';
  if (error.code === 'DEFERRED_TIMED_OUT') return 'timed-out';
  return error.code === 'DEFERRED_CRASHED' ? 'crashed' : 'failed';
}

/** True when somebody should look: a function failed for now or for good, or a file was set aside, refused or left. */
export function hasProblems(report: SweepReport): boolean {
  return report.failed > 0 || !report.isComplete || report.files.some(isProblem);
}

function isProblem(file: FileReport): boolean {
  return file.outcome === 'refused' || file.outcome === 'quarantined' || file.error !== undefined;
}

/** The report of something that was not taken over, or whose owner could not go on with it. */
export function refusedReport(path: string, error: unknown): FileReport {
  const reported = reportError(error);
  return { path, outcome: 'refused', functions: [], isRetired: false, pending: 0, error: reported };
}

/** Returns the report of these files. */
export function summarize(
  directory: string,
  files: readonly FileReport[],
  isComplete: boolean,
  ms: number,
): SweepReport {
  const functions = files.flatMap(file => file.functions);
  const ok = functions.filter(ran => ran.outcome === 'ok').length;
  return {
    directory,
    files,
    live: files.filter(file => file.outcome === 'live').length,
    ok,
    failed: functions.length - ok,
    pending: files.reduce((sum, file) => sum + file.pending, 0),
    isComplete,
    ms,
  };
}
