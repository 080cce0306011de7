/** What `list` and `show` say of a file. Plain data: it goes through JSON as it is. */
import type { Owner, ReportedError } from '../log/records.ts';
import { diagnose } from '../value/diagnostic.ts';

/**
 * What a file is.
 * - `live`: its owner has it
 * - `held`: its owner is dead, and a process that inherited the lock has it
 * - `sweeping`: a sweep has it
 * - `orphan`: no process has it; the next sweep runs what is due
 * - `dead`: a dead letter: given up
 * - `damaged`: bytes of it are not what was written; or the copy of such a file, or a dead letter that could not be read
 * - `unknown`: nothing here can tell; see its error, or `knownBy`
 */
export type FileState = 'live' | 'held' | 'sweeping' | 'orphan' | 'dead' | 'damaged' | 'unknown';

export const FILE_STATES: readonly FileState[] = [
  'live',
  'held',
  'sweeping',
  'orphan',
  'dead',
  'damaged',
  'unknown',
];

/** One attempt of a function. */
export interface ListedAttempt {
  readonly attempt: number;
  readonly startedAtEpochMs?: number;
  readonly endedAtEpochMs?: number;
  readonly error?: ReportedError;
}

/** One function of a file. */
export interface ListedFunction {
  readonly id: number;
  readonly name: string;
  /** `pending` may have been tried before; `running` is in an attempt that has no end yet. */
  readonly state: 'pending' | 'running' | 'done' | 'cancelled' | 'given-up';
  /** Those that count: after a retry they begin anew. */
  readonly attempts: readonly ListedAttempt[];
  readonly maxAttempts: number;
  /** Time until its next attempt is due; absent where it need not wait. */
  readonly retryInMs?: number;
  /** 0: none. */
  readonly timeoutMs: number;
  readonly registeredAtEpochMs: number;
  /** Its arguments in diagnostic notation, cut short. */
  readonly argumentText: string;
}

const MAX_ARGUMENT_TEXT = 120;

/** Stored arguments in diagnostic notation, cut short; without the brackets of their list where nothing was cut. */
export function argumentText(bytes: Uint8Array): string {
  const text = diagnose(bytes, MAX_ARGUMENT_TEXT);
  return text.startsWith('[') && text.endsWith(']') ? text.slice(1, -1) : text;
}

/** A process that has a file open. */
export interface Holder {
  readonly pid: number;
  /** The name of its program, as far as the system tells. */
  readonly program: string;
}

export interface ListedFile {
  /** The random part of its name; with the function's number for a dead letter: `0723eb….2`; for a copy: `0723eb….damaged`. */
  readonly id: string;
  readonly path: string;
  readonly state: FileState;
  /** What told: a lease, the kernel's table of locks, where it lies, or nothing. */
  readonly knownBy: 'lease' | 'lock-table' | 'place' | 'nothing';
  readonly uid?: number;
  readonly owner?: Owner;
  readonly label?: string;
  /** Since the owner made the file, as far as its header or its name tells; else since its last change. */
  readonly ageMs?: number;
  readonly functions: readonly ListedFunction[];
  /** Named for `held` files only, as far as the system lets us. */
  readonly holders: readonly Holder[];
  readonly tornBytes?: number;
  readonly damagedBytes?: number;
  /** Why it could not be read, or what is wrong with it. */
  readonly error?: ReportedError;
}

/** Whether a file, or an owner in a cluster, has this label and is so old. */
export function isOf(
  { label, ageMs = 0 }: { readonly label?: string; readonly ageMs?: number },
  wanted: { readonly label?: string | undefined; readonly olderMs?: number | undefined },
): boolean {
  return (wanted.label === undefined || label === wanted.label) && ageMs >= (wanted.olderMs ?? 0);
}

/** What lies in one state directory. */
export interface ListReport {
  readonly directory: string;
  /** Oldest first, dead letters last. */
  readonly files: readonly ListedFile[];
  readonly ms: number;
}
