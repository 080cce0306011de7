/** Reports of sweeps and of ends of jobs. Plain data that JSON keeps. */
import type { StateContents } from '../log/contents.ts';
import type { Owner, ReportedError } from '../log/records.ts';
import { reportError } from './reported-error.ts';

export type { ReportedError } from '../log/records.ts';

/** The outcome of a function. `skipped`: given up without a run; its error says why. */
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
  /** What it was run without. */
  readonly notes?: readonly RunNote[];
}

/**
 * What a function was run without.
 * - `directory-gone`: its working directory is gone or was replaced; it ran where every relative name fails
 * - `without-loaders`: Node did not start with the owner's options and loaders, or one named the program itself; it ran
 *   without them
 * - `other-node`: the owner's Node is gone; it ran in the sweeper's
 */
export type RunNote = 'directory-gone' | 'without-loaders' | 'other-node';

export const RUN_NOTES: readonly RunNote[] = ['directory-gone', 'without-loaders', 'other-node'];

/**
 * What a sweep found a state file to be.
 * - `live`: its lock is held, by its owner as far as reading tells; nothing was touched
 * - `held`: its owner is dead, and a process that inherited the lock lives; nothing was touched
 * - `sweeping`: another sweep has it; nothing was touched
 * - `ran`: it was claimed; see its functions (none, if its owner had nothing pending)
 * - `waiting`: each of its functions failed a short time ago and waits for its next attempt
 * - `torn`: as `ran`; a death in mid-write had left its last record incomplete
 * - `quarantined`: as `ran`, and bytes of it are not what was written; a copy is in `dead/`
 * - `refused`: not claimed; see the error
 * - `unfinished`: its creator died while setting it up; removed
 */
export type FileOutcome =
  | 'live'
  | 'held'
  | 'sweeping'
  | 'ran'
  | 'waiting'
  | 'torn'
  | 'quarantined'
  | 'refused'
  | 'unfinished';

/** Outcomes of files whose lock is held by another process. */
export const LOCKED_OUTCOMES: readonly FileOutcome[] = ['live', 'held', 'sweeping'];

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
  /** True if the file is gone. If not, a function in it is pending, or the error says why. */
  readonly isRetired: boolean;
  /** Functions in it that a later sweep will run. */
  readonly pending: number;
  /** Time until the next attempt of one of them is due. */
  readonly retryInMs?: number;
  /** Length of the incomplete last record. */
  readonly tornBytes?: number;
  /** Count of bytes that are not what was written. */
  readonly damagedBytes?: number;
  /** Path of the copy of a damaged file. */
  readonly deadLetter?: string;
  /** A fault of the file itself. */
  readonly error?: ReportedError;
}

/** What a sweep, or the end of a job, did. */
export interface SweepReport {
  /** The state directory, absolute. */
  readonly directory: string;
  /** Every file met, in the order met; after a job, its own file comes first. */
  readonly files: readonly FileReport[];
  /** Files whose owner lives, as far as reading tells. */
  readonly live: number;
  /** Files of dead owners whose lock a child of the owner keeps. */
  readonly held: number;
  /** Files that another sweep has. */
  readonly sweeping: number;
  /** Functions that ran and succeeded. */
  readonly ok: number;
  /** Functions that failed, timed out, crashed or were skipped. */
  readonly failed: number;
  /** Functions left to a later sweep. */
  readonly pending: number;
  /** False when the deadline or an abort ended the sweep before it had seen everything. */
  readonly isComplete: boolean;
  /** How long it took. */
  readonly ms: number;
}

/** The numbers of a report. Their text is short however many files there were. */
export interface SweepTotals extends Omit<SweepReport, 'files'> {
  /** How many files were met. */
  readonly files: number;
}

export function totalsOf(report: SweepReport): SweepTotals {
  return { ...report, files: report.files.length };
}

export function outcomeOf(error: ReportedError | undefined): FunctionOutcome {
  if (!error) return 'ok';
  if (error.code === 'DEFERRED_TIMED_OUT') return 'timed-out';
  return error.code === 'DEFERRED_CRASHED' ? 'crashed' : 'failed';
}

/** The outcome of a file that was claimed. @param hasCopy - in `dead/` @param isWaiting - nothing of it is due yet */
export function outcomeOfFile(
  { tornBytes }: StateContents,
  hasCopy: boolean,
  isWaiting: boolean,
): FileOutcome {
  if (hasCopy) return 'quarantined';
  if (tornBytes > 0) return 'torn';
  return isWaiting ? 'waiting' : 'ran';
}

/** In a word, for people: of a file in which nothing ran it is not said that it ran. */
export function outcomeWord({ outcome, functions, isRetired }: FileReport): string {
  return outcome === 'ran' && functions.length === 0 && !isRetired ? 'left' : outcome;
}

/** True if a function failed, a file was set aside, refused or has an error, or the sweep is incomplete. */
export function hasProblems(report: SweepReport): boolean {
  return report.failed > 0 || !report.isComplete || report.files.some(isProblem);
}

function isProblem(file: FileReport): boolean {
  return file.outcome === 'refused' || file.outcome === 'quarantined' || file.error !== undefined;
}

/** Time until another sweep may run a function of a file; undefined where none may, or its fault keeps it. */
export function nextRunInMs({ pending, error, functions, retryInMs }: FileReport): number | undefined {
  if (pending === 0 || error) return undefined;
  return retryInMs ?? (functions.length > 0 ? 0 : undefined);
}

/** The report of a file or directory that could not be claimed or used. */
export function refusedReport(path: string, error: unknown): FileReport {
  return { path, outcome: 'refused', functions: [], isRetired: false, pending: 0, error: reportError(error) };
}

/** The later report of a file, with the functions of the earlier one that it does not mention. */
export function laterReport(before: FileReport | undefined, now: FileReport): FileReport {
  if (!before) return now;
  const functions = new Map([...before.functions, ...now.functions].map(ran => [ran.id, ran]));
  return { ...now, functions: [...functions.values()] };
}

export function summarize(
  directory: string,
  files: readonly FileReport[],
  isComplete: boolean,
  ms: number,
): SweepReport {
  const count = (outcome: FileOutcome): number => files.filter(file => file.outcome === outcome).length;
  return {
    directory,
    files,
    live: count('live'),
    held: count('held'),
    sweeping: count('sweeping'),
    ...countFunctions(files),
    isComplete,
    ms,
  };
}

/** What came of the functions of several files or owners. */
export function countFunctions(
  parts: readonly Pick<FileReport, 'functions' | 'pending'>[],
): Pick<SweepReport, 'ok' | 'failed' | 'pending'> {
  const functions = parts.flatMap(part => part.functions);
  const ok = functions.filter(ran => ran.outcome === 'ok').length;
  return { ok, failed: functions.length - ok, pending: parts.reduce((sum, part) => sum + part.pending, 0) };
}
