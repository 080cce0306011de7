import { constants } from 'node:os';
import { getSystemErrorMap, types } from 'node:util';
import type { NativeFailure } from './native.ts';

/** An error with the shape of those of `node:fs`. */
export interface SystemError extends Error {
  /** `EBADF`, … */
  code: string;
  /** Negative, as Node has it. */
  errno: number;
  syscall: string;
}

/** The errors of a lock that libuv, and so Node's map, has no name for. */
const unmapped = new Map([
  ['ENOLCK', 'no locks available'],
  ['ESTALE', 'stale file handle'],
]);

/** The error Node would have made of this failure: `EBADF: bad file descriptor, flock`. */
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
 * Whether `error` came from a system call, ours or Node's, that failed with one of these.
 *
 * Decided by number: libuv has no name for ESTALE and ENOLCK, so the `code` of Node's own errors is then
 * "Unknown system error -116".
 */
export function isSystemError(
  error: unknown,
  ...codes: (keyof typeof constants.errno)[]
): error is SystemError {
  if (!(types.isNativeError(error) && 'errno' in error && 'syscall' in error)) return false;
  const { errno } = error;
  return codes.some(code => errno === -constants.errno[code]);
}

/** Whether the kernel could not say if a lock is free: a file server in trouble, out of locks, or just restarted. */
export function isLockUndecided(error: unknown): error is SystemError {
  // The same answer of another call, such as fsync(2), says nothing about locks.
  return isSystemError(error, 'EIO', 'ENOLCK', 'ESTALE') && ['flock', 'fcntl'].includes(error.syscall);
}
