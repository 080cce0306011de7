import { constants } from 'node:os';
import { getSystemErrorMap, types } from 'node:util';
import type { NativeFailure } from './native.ts';

/** An error of the shape that `node:fs` throws. */
export interface SystemError extends Error {
  /** `EBADF`, … */
  code: string;
  /** Negative, as in Node's errors. */
  errno: number;
  syscall: string;
}

/** Errors of locks for which libuv, and so Node, has no name. */
const unmapped = new Map([
  ['ENOLCK', 'no locks available'],
  ['ESTALE', 'stale file handle'],
]);

/** The error that Node would make of this failure: `EBADF: bad file descriptor, flock`. */
export function toSystemError({ errno, syscall }: NativeFailure): SystemError {
  const [code, description] = describe(errno);
  return Object.assign(new Error(`${code}: ${description}, ${syscall}`), { code, errno: -errno, syscall });
}

function describe(errno: number): readonly [code: string, description: string] {
  const known = getSystemErrorMap().get(-errno);
  if (known !== undefined) return known;
  const code = Object.entries(constants.errno).find(([, number]) => number === errno)?.[0];
  return [code ?? `errno ${errno}`, unmapped.get(code ?? '') ?? 'unknown system error'];
}

/**
 * True if `error` comes from a system call, of the addon or of Node, that failed with one of these.
 *
 * Decided by number: libuv has no name for ESTALE and ENOLCK, and Node's `code` is then "Unknown system error -116".
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
