import { constants } from 'node:os';
import types from 'node:util/types';
import { printable } from './printable.ts';

/** Every code a {@link DeferredSweepError} can carry. Codes hold for a major version; `docs/errors.md` tells what to do. */
export type DeferredSweepErrorCode =
  /** The native addon could not be loaded on this platform. */
  | 'DEFERRED_ADDON_MISSING'
  /** The kernel, file system or runtime lacks what was asked for (OFD locks, locks on Ceph, the inspector). */
  | 'DEFERRED_UNSUPPORTED'
  /** The file system grants a second exclusive lock: its locks do nothing. */
  | 'DEFERRED_LOCK_INEFFECTIVE'
  /** The kernel could not say whether a lock is free (EIO, ENOLCK, ESTALE), however often it was asked. */
  | 'DEFERRED_LOCK_FAILED'
  /** The state directory is not ours alone, or others can replace it. */
  | 'DEFERRED_UNSAFE_DIRECTORY'
  /** A state file is not a regular, singly linked file for us alone. */
  | 'DEFERRED_UNSAFE_FILE'
  /** What a function needs belongs to another user than when it was registered. */
  | 'DEFERRED_OWNER_CHANGED'
  /** Bytes of a state file are not what was written. */
  | 'DEFERRED_STATE_CORRUPT'
  /** A state file of a newer major format version. */
  | 'DEFERRED_STATE_VERSION'
  /** A state file could not be created, read or written. */
  | 'DEFERRED_STATE_IO'
  /** An argument (or captured variable) cannot be stored and restored equal. */
  | 'DEFERRED_VALUE_REFUSED'
  /** A function cannot be stored and found again. */
  | 'DEFERRED_FUNCTION_REFUSED'
  /** A stored function is not where it was: its module or export is gone. */
  | 'DEFERRED_FUNCTION_MISSING'
  /** One registration is larger than a record may be. */
  | 'DEFERRED_TOO_LARGE'
  /** The job or the manager has ended. */
  | 'DEFERRED_CLOSED'
  /** A function did not finish within its time limit. */
  | 'DEFERRED_TIMED_OUT'
  /** The process that ran a function died in it. */
  | 'DEFERRED_CRASHED'
  /** A command ended with a non-zero exit code or by a signal. */
  | 'DEFERRED_COMMAND_FAILED'
  /** A ready-made action would touch what it must not. Nothing was done. */
  | 'DEFERRED_ACTION_REFUSED'
  /** A ready-made action could not do all of its work. */
  | 'DEFERRED_ACTION_FAILED'
  /** The package `pg` is not installed. */
  | 'DEFERRED_DRIVER_MISSING'
  /** The PostgreSQL server could not be reached, did not answer in time, or refused a statement. */
  | 'DEFERRED_DATABASE'
  /** The PostgreSQL server is too old, or cannot keep a setting that matters. */
  | 'DEFERRED_SERVER_UNSUPPORTED'
  /** A pooler stands before the PostgreSQL server. */
  | 'DEFERRED_POOLER'
  /** The PostgreSQL server is a standby. */
  | 'DEFERRED_STANDBY'
  /** The schema of the cluster store is missing, or of another version. */
  | 'DEFERRED_SCHEMA_VERSION'
  /** The job was taken over, or ownership was unsure for too long. Nothing was registered or cancelled. */
  | 'DEFERRED_OWNERSHIP_LOST'
  /** The server did not answer: the function may be registered, or not. */
  | 'DEFERRED_UNCERTAIN';

/** What a {@link DeferredSweepError} may say beside its message. */
export interface DeferredSweepErrorDetails {
  /** The file or directory concerned, absolute. */
  path?: string | undefined;
  /** Where in the arguments or captured variables the refused value stands, e.g. `args[1].socket`. */
  valuePath?: string | undefined;
  /** The error underneath, with Node's shape where it came from the system. */
  cause?: unknown;
}

/**
 * The one error class of this package. Decide by `code`, never by the message. The message is one line that is safe to
 * print: names and texts are escaped in it. The fields hold them as they are.
 * Wrong use of an option or parameter throws `TypeError` or `RangeError` instead.
 */
export class DeferredSweepError extends Error {
  readonly code: DeferredSweepErrorCode;
  // Declared only: absent, not undefined, where there is none.
  declare readonly path?: string;
  declare readonly valuePath?: string;

  static {
    // A bundler gives a class that names itself another name, which programs would read.
    Object.defineProperty(DeferredSweepError, 'name', { value: 'DeferredSweepError' });
    DeferredSweepError.prototype.name = 'DeferredSweepError';
  }

  constructor(code: DeferredSweepErrorCode, message: string, details: DeferredSweepErrorDetails = {}) {
    super(printable(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    if (details.path !== undefined) this.path = details.path;
    if (details.valuePath !== undefined) this.valuePath = details.valuePath;
  }
}

/** Whether `error` is one of ours, with one of these codes. */
export function hasCode(
  error: unknown,
  ...codes: readonly DeferredSweepErrorCode[]
): error is DeferredSweepError {
  return error instanceof DeferredSweepError && codes.includes(error.code);
}

/**
 * The code of a system error (`ENOENT`, …), or undefined for anything else that was thrown. Not by `instanceof`: where
 * test runners load a program into a context of its own, Node's errors come from another one.
 */
export function systemErrorCode(error: unknown): string | undefined {
  if (!(types.isNativeError(error) && 'syscall' in error)) return undefined;
  const code = errorCode(error);
  // Node names only what libuv does: of a quota, say, it tells `UNKNOWN`.
  const isNamed = code === undefined || code in constants.errno || !('errno' in error);
  return isNamed ? code : (nameOfErrno(-Number(error.errno)) ?? code);
}

/** @param errno - positive, as in errno.h */
export function nameOfErrno(errno: number): string | undefined {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
}

/** The codes for a path, or a directory on the way to it, that is not there. */
export const MISSING: readonly string[] = ['ENOENT', 'ENOTDIR'];

/** True if the working directory was removed: getcwd(2) of Node. */
export function isWithoutDirectory(error: unknown): boolean {
  return systemErrorCode(error) === 'ENOENT' && (error as SystemError).syscall === 'uv_cwd';
}

/** An error of the shape that `node:fs` throws. */
export interface SystemError extends Error {
  /** `EBADF`, … */
  code: string;
  /** Negative, as in Node's errors. */
  errno: number;
  syscall: string;
}

/**
 * True if a system call, of the addon or of Node, failed with one of these. Decided by number: libuv has no name for ESTALE
 * and ENOLCK, and Node's `code` is then "Unknown system error -116".
 */
export function isSystemError(
  error: unknown,
  ...codes: (keyof typeof constants.errno)[]
): error is SystemError {
  if (!(types.isNativeError(error) && 'errno' in error && 'syscall' in error)) return false;
  const { errno } = error;
  return codes.some(code => errno === -constants.errno[code]);
}

/** True if the kernel could not decide a lock: the file server is in trouble, out of locks, or has just restarted. */
export function isLockUndecided(error: unknown): error is SystemError {
  // The same error of another call, such as fsync(2), says nothing about locks.
  return isSystemError(error, 'EIO', 'ENOLCK', 'ESTALE') && ['flock', 'fcntl'].includes(error.syscall);
}

/** Whether what was thrown is an error of this name, from any context: see {@link systemErrorCode}. */
export function isErrorNamed(error: unknown, name: 'ReferenceError' | 'SyntaxError' | 'TypeError'): boolean {
  return types.isNativeError(error) && error.name === name;
}

/** The `code` of an error of Node, from any context; undefined for anything else that was thrown. */
export function errorCode(error: unknown): string | undefined {
  return types.isNativeError(error) && 'code' in error && typeof error.code === 'string'
    ? error.code
    : undefined;
}

/** What a step returns, or `otherwise` where the system refuses it. @param codes - the only ones that count; none: all do */
export function unlessRefused<T>(step: () => T, otherwise: T, ...codes: readonly string[]): T {
  try {
    return step();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined || (codes.length > 0 && !codes.includes(code))) throw error;
    return otherwise;
  }
}
