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

/** What the server's `list_owners` returns for one owner: the same but for these. Times are of ISO 8601. */
export interface StoredEntry extends Omit<ListedOwner, 'label' | 'takenBy' | 'functions'> {
  readonly label: string | null;
  readonly takenBy?: string | null;
  readonly functions: readonly StoredFunction[];
}

interface StoredFunction
  extends Pick<ListedClusterFunction, 'id' | 'name' | 'delivery' | 'timeoutMs' | 'maxAttempts'> {
  readonly registeredAt: string;
  readonly nextAt?: string;
  readonly argumentsLength: number;
  /** Base64; null where they are long. */
  readonly arguments: string | null;
  readonly attempts: readonly StoredAttempt[];
}

interface StoredAttempt extends Pick<ListedClusterAttempt, 'attempt' | 'runner'> {
  readonly startedAt: string;
  readonly endedAt: string | null;
  readonly error: ReportedError | null;
}

/** The same as it is listed. */
export function listedOwner({ label, takenBy, functions: stored, ...entry }: StoredEntry): ListedOwner {
  const functions = stored.map(one => listedFunction(one, entry.state));
  return {
    ...entry,
    id: entry.state === 'dead' ? `${entry.id}.${functions[0]?.id}` : entry.id,
    ...(label !== null && { label }),
    ...(typeof takenBy === 'string' && { takenBy }),
    functions,
  };
}

function listedFunction(stored: StoredFunction, ownerState: OwnerState): ListedClusterFunction {
  const { id, name, delivery, timeoutMs, maxAttempts, registeredAt, nextAt, argumentsLength } = stored;
  const attempts = stored.attempts.map(({ startedAt, endedAt, error, ...attempt }) => ({
    ...attempt,
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
