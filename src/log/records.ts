/** Records, the content of a state file's frames: `docs/format.md`, section "Records". */
import type { LockScheme } from '../lock/advisory-lock.ts';

/** The major format version this code writes and reads. */
export const FORMAT_VERSION = 1;

/** What happens to a function in whose attempt a process died: it is repeated, or given up. */
export type Delivery = 'at-least-once' | 'at-most-once';
/** Which function of a job runs first: the first or the last registered one. */
export type RunOrder = 'fifo' | 'lifo';
/** What a registration survives: the death of processes, or also of the machine (fdatasync(2)). */
export type Durability = 'process' | 'disk';

/** The process that registered the functions of a state file. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Identity of the machine's boot; `null` if the system does not tell. */
  readonly bootId: string | null;
  readonly startedAtEpochMs: number;
  /** Clock ticks from boot to its start (proc_pid_stat(5), field 22); `null` if the system does not tell. */
  readonly startTicks: number | null;
  /** Names its pid namespace (pid_namespaces(7)); `null` if the system does not tell. In others its pid means nothing. */
  readonly pidNamespace: string | null;
}

/** A directory. */
export interface Place {
  readonly path: string;
  /** `dev:ino`. */
  readonly inode: string;
  readonly uid: number;
  /** When it was made, in nanoseconds since 1970: a later directory may get its inode number. Not every file system tells. */
  readonly bornAtNs?: string;
  /** Of a directory on overlayfs: when the overlay was made, as a container is. In the same unit. */
  readonly overlayBornAtNs?: string;
}

/** How a runner is to be started: as the owner's process was when the file was made. */
export interface RunnerStart {
  /** Its version. */
  readonly node: string;
  /** Path of Node; empty for a program with Node inside, which would start itself. */
  readonly nodePath: string;
  readonly execArgv: readonly string[];
  /** The environment variable NODE_OPTIONS; empty if it was not set. */
  readonly nodeOptions: string;
  /** True if an option of Node named the program itself. That option is left out. */
  readonly preloadsProgram?: boolean;
  /** Users, beside root and the owner, who could replace what its Node loads first. */
  readonly loaderOwners?: readonly number[];
  /** The directory in which Node was started; relative names in its options refer to it. `null`: it was gone. */
  readonly startedIn: Place | null;
  /** Working directory when the file was made. `null`: it was gone. */
  readonly cwd: Place | null;
  readonly umask: number;
  /** Whether Node's permission model was on. */
  readonly isRestricted: boolean;
}

/** The first record of a file. Written before the file gets its name, and never changed. */
export interface HeaderRecord extends RunnerStart {
  readonly kind: 'header';
  readonly version: number;
  /** 8 random bytes, repeated in every record: a record with another salt is not of this file. */
  readonly salt: Uint8Array;
  readonly lock: LockScheme;
  readonly durability: Durability;
  readonly order: RunOrder;
  readonly owner: Owner;
  readonly createdAtEpochMs: number;
  readonly label: string | null;
}

export interface DeferRecord {
  readonly kind: 'defer';
  /** 1, 2, 3, … in order of registration. */
  readonly id: number;
  readonly name: string;
  /** CBOR of the stored form of the function; decoded only when it runs, by `src/function/descriptor.ts`. */
  readonly function: Uint8Array;
  /** The snapshot of the argument list; decoded only when the function runs. */
  readonly arguments: Uint8Array;
  readonly registeredAtEpochMs: number;
  readonly delivery: Delivery;
  /** 0: no time limit. */
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  /** Pause between the first and the second attempt. Doubled for each further one. */
  readonly retryDelayMs: number;
  /** Working directory at registration, if it was not the header's. */
  readonly cwd?: Place | null;
  /** Environment variables captured at registration. `null`: the variable was not set. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** Users, beside root and the owner, who could replace its module or program at registration. */
  readonly codeOwners?: readonly number[];
}

/** Takes back the registration with this id. */
export interface CancelRecord {
  readonly kind: 'cancel';
  readonly id: number;
}

/** A sweep has claimed the file: its owner is gone. While the lock is held, it is being swept. */
export interface ClaimRecord {
  readonly kind: 'claim';
  /** The sweep and, after a dot, which of its processes: 0 is the sweeper, then its runners. */
  readonly nonce: string;
  readonly pid: number;
  readonly host: string;
  readonly atEpochMs: number;
}

/** An attempt begins. */
export interface StartRecord {
  readonly kind: 'start';
  readonly id: number;
  readonly attempt: number;
  /** Names the runner or the job. A pid would not do: it is used again, and means nothing in another namespace. */
  readonly nonce: string;
  readonly pid: number;
  readonly atEpochMs: number;
}

/** An error as it is stored and reported: plain data. */
export interface ReportedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

/** An attempt ended. */
export interface DoneRecord {
  readonly kind: 'done';
  readonly id: number;
  readonly attempt: number;
  readonly atEpochMs: number;
  /** Absent when the function succeeded. */
  readonly error?: ReportedError;
  /** True: the function never runs again. */
  readonly final: boolean;
}

/** A dead letter was given fresh attempts: those before count no more, and a final one ended nothing. */
export interface RetryRecord {
  readonly kind: 'retry';
  readonly id: number;
  readonly atEpochMs: number;
}

export type Mark = StartRecord | DoneRecord;
export type StateRecord = HeaderRecord | DeferRecord | CancelRecord | ClaimRecord | RetryRecord | Mark;
