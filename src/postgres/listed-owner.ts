/** What `cluster list` and `show` say of an owner: as the file store says it of a file. Plain data, kept by JSON. */
import { argumentText, type ListedAttempt, type ListedFunction } from '../operate/listed-file.ts';
import type { ReportedError } from './report.ts';

/**
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

export interface ClusterListReport {
  readonly pool: string;
  /** Oldest first, dead letters last. */
  readonly owners: readonly ListedOwner[];
  readonly ms: number;
}

/** One row of the server's `list_owners`: a function, with its owner or as a dead letter. */
export interface StoredRow {
  readonly entry: Omit<ListedOwner, 'functions'>;
  /** Null where the owner has no functions. */
  readonly stored: StoredFunction | null;
}

interface StoredFunction extends Omit<ListedClusterFunction, 'state' | 'argumentText'> {
  readonly argumentsLength: number;
  /** Base64; null where they are long. */
  readonly arguments: string | null;
}

/** Owners as they are listed, made from row after row: those of one owner follow each other. */
export type OwnerList = (ListedOwner & { readonly functions: ListedClusterFunction[] })[];

export function addRow(owners: OwnerList, { entry, stored }: StoredRow): void {
  if (owners.at(-1)?.id !== entry.id) owners.push({ ...entry, functions: [] });
  if (stored !== null) owners.at(-1)!.functions.push(listedFunction(stored, entry.state));
}

function listedFunction(
  { arguments: base64, argumentsLength, ...stored }: StoredFunction,
  ownerState: OwnerState,
): ListedClusterFunction {
  const last = stored.attempts.at(-1);
  const hasBegun = last !== undefined && last.endedAtEpochMs === undefined;
  const isRunning = hasBegun && (ownerState === 'live' || ownerState === 'sweeping');
  return {
    ...stored,
    state: ownerState === 'dead' ? 'given-up' : isRunning ? 'running' : 'pending',
    argumentText:
      base64 === null ? `(${argumentsLength} bytes)` : argumentText(Buffer.from(base64, 'base64')),
  };
}
