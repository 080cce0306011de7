/** What `cluster list` and `show` say of an owner: as the file store says it of a file. Plain data, kept by JSON. */
import { argumentText } from '../operate/argument-text.ts';
import type { ListedAttempt, ListedFunction } from '../operate/listed-file.ts';
import type { ReportedError } from './report.ts';

/**
 * What an owner is.
 * - `live`: its job holds the lock
 * - `sweeping`: a sweeper holds the lock
 * - `suspected`: the lock is free, and its owner may still come back
 * - `orphan`: the lock is free, and the grace is over; the next sweep that has its handlers runs what is due
 * - `dead`: a dead letter: given up
 */
export type OwnerState = 'live' | 'sweeping' | 'suspected' | 'orphan' | 'dead';

export const OWNER_STATES: readonly OwnerState[] = ['live', 'sweeping', 'suspected', 'orphan', 'dead'];

export interface ListedClusterAttempt extends ListedAttempt {
  /** Host and pid of the process that ran it. */
  readonly runner: string;
}

export interface ListedClusterFunction extends ListedFunction {
  readonly attempts: readonly ListedClusterAttempt[];
  readonly delivery: string;
  /** When its next attempt may begin; absent in a dead letter. */
  readonly nextAtEpochMs?: number;
}

export interface ListedOwner {
  /** 16 hexadecimal digits; with the function's number for a dead letter: `41b4….2`. */
  readonly id: string;
  readonly pool: string;
  readonly state: OwnerState;
  readonly owner: { readonly host: string; readonly pid: number; readonly bootId: string | null };
  readonly label?: string;
  /** Since the job was opened. */
  readonly ageMs: number;
  readonly functions: readonly ListedClusterFunction[];
  readonly epoch?: number;
  /** Host and pid of the last process that took it over. */
  readonly takenBy?: string;
  /** Why a dead letter was given up. */
  readonly error?: ReportedError;
}

/** What is in one pool. */
export interface ClusterListReport {
  readonly pool: string;
  /** Oldest first, dead letters last. */
  readonly owners: readonly ListedOwner[];
  readonly ms: number;
}

/** What the server's `list_owners` returns for one owner. Times are of ISO 8601. */
export interface StoredEntry {
  readonly id: string;
  readonly pool: string;
  readonly state: OwnerState;
  readonly owner: ListedOwner['owner'];
  readonly label: string | null;
  readonly ageMs: number;
  readonly epoch?: number;
  readonly takenBy?: string | null;
  readonly error?: ReportedError;
  readonly functions: readonly {
    readonly id: number;
    readonly name: string;
    readonly registeredAt: string;
    readonly nextAt?: string;
    readonly delivery: string;
    readonly timeoutMs: number;
    readonly maxAttempts: number;
    readonly argumentsLength: number;
    /** Base64; null where they are long. */
    readonly arguments: string | null;
    readonly attempts: readonly {
      readonly attempt: number;
      readonly runner: string;
      readonly startedAt: string;
      readonly endedAt: string | null;
      readonly error: ReportedError | null;
    }[];
  }[];
}

/** The same as it is listed. */
export function listedOwner(entry: StoredEntry): ListedOwner {
  const { id, pool, state, owner, label, ageMs, epoch, takenBy, error } = entry;
  const functions = entry.functions.map(stored => listedFunction(stored, state));
  return {
    id: state === 'dead' ? `${id}.${functions[0]?.id}` : id,
    pool,
    state,
    owner,
    ...(label !== null && { label }),
    ageMs,
    functions,
    ...(epoch !== undefined && { epoch }),
    ...(typeof takenBy === 'string' && { takenBy }),
    ...(error && { error }),
  };
}

function listedFunction(
  stored: StoredEntry['functions'][number],
  ownerState: OwnerState,
): ListedClusterFunction {
  const { id, name, delivery, timeoutMs, maxAttempts, registeredAt, nextAt, argumentsLength } = stored;
  const attempts = stored.attempts.map(({ attempt, runner, startedAt, endedAt, error }) => ({
    attempt,
    runner,
    startedAtEpochMs: Date.parse(startedAt),
    ...(endedAt !== null && { endedAtEpochMs: Date.parse(endedAt) }),
    ...(error && { error }),
  }));
  const isRunning =
    (ownerState === 'live' || ownerState === 'sweeping') && stored.attempts.at(-1)?.endedAt === null;
  return {
    id,
    name,
    state: ownerState === 'dead' ? 'given-up' : isRunning ? 'running' : 'pending',
    attempts,
    maxAttempts,
    timeoutMs,
    registeredAtEpochMs: Date.parse(registeredAt),
    argumentText:
      stored.arguments === null
        ? `(${argumentsLength} bytes)`
        : argumentText(Buffer.from(stored.arguments, 'base64')),
    delivery,
    ...(nextAt !== undefined && { nextAtEpochMs: Date.parse(nextAt) }),
  };
}
