/** What `cluster list` and `show` say of an owner: as the file store says it of a file. Plain data, kept by JSON. */
import { argumentText, type ListedAttempt, type ListedFunction } from '../operate/listed-file.ts';
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

/** One row of the server's `list_owners`. Times are of ISO 8601. */
export interface StoredRow {
  /** The owner of the function, or the dead letter, without functions. */
  readonly entry: StoredEntry;
  /** Null where the owner has no functions. */
  readonly stored: StoredFunction | null;
}

interface StoredEntry extends Omit<ListedOwner, 'label' | 'takenBy' | 'functions'> {
  readonly label: string | null;
  readonly takenBy?: string | null;
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

/** Owners as they are listed, made from row after row. */
export class OwnerList {
  readonly #owners = new Map<string, ListedOwner & { readonly functions: ListedClusterFunction[] }>();

  add({ entry: { label, takenBy, ...entry }, stored }: StoredRow): void {
    const id = entry.state === 'dead' ? `${entry.id}.${stored?.id}` : entry.id;
    let owner = this.#owners.get(id);
    if (owner === undefined) {
      owner = {
        ...entry,
        // The server's clock may have been set back since, and is read before the owner's row.
        ageMs: Math.max(0, entry.ageMs),
        id,
        ...(label !== null && { label }),
        ...(typeof takenBy === 'string' && { takenBy }),
        functions: [],
      };
      this.#owners.set(id, owner);
    }
    if (stored !== null) owner.functions.push(listedFunction(stored, entry.state));
  }

  /** Oldest first, dead letters last; the functions of each by their numbers. */
  sorted(): ListedOwner[] {
    for (const { functions } of this.#owners.values()) functions.sort((a, b) => a.id - b.id);
    return [...this.#owners.values()].sort(inOrder);
  }
}

/** Dead letters of one owner are as old as it: by their numbers. */
function inOrder(a: ListedOwner, b: ListedOwner): number {
  const byKind = Number(a.state === 'dead') - Number(b.state === 'dead');
  const number = ({ functions }: ListedOwner): number => functions[0]?.id ?? 0;
  return byKind || b.ageMs - a.ageMs || number(a) - number(b);
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
