import { nameOfErrno, type SystemError } from '../errors.ts';
import type { NativeFailure } from './native.ts';

/** Errors for which libuv, and so Node, has no name. */
const unmapped = new Map([
  ['EDQUOT', 'disk quota exceeded'],
  ['ENOLCK', 'no locks available'],
  ['ESTALE', 'stale file handle'],
]);

/** The error that Node would make of this failure: `EBADF: bad file descriptor, flock`. */
export function toSystemError({ errno, syscall }: NativeFailure): SystemError {
  const [code, description] = describeErrno(errno);
  return Object.assign(new Error(`${code}: ${description}, ${syscall}`), { code, errno: -errno, syscall });
}

/** The code and the words of an error. @param errno - positive, as in errno.h */
export function describeErrno(errno: number): readonly [code: string, words: string] {
  const known = process.getBuiltinModule('node:util').getSystemErrorMap().get(-errno);
  if (known !== undefined) return known;
  const code = nameOfErrno(errno);
  return [code ?? `errno ${errno}`, unmapped.get(code ?? '') ?? 'unknown system error'];
}

/**
 * What the addon returned.
 * @throws Error of Node's shape when it returned a failure
 */
export function succeeded<T extends number | boolean | object>(outcome: T | NativeFailure): T {
  if (isFailure(outcome)) throw toSystemError(outcome);
  return outcome;
}

/** Whether the addon returned a failure: an errno, and the system call it came from. */
export function isFailure(outcome: unknown): outcome is NativeFailure {
  return typeof outcome === 'object' && outcome !== null && 'errno' in outcome;
}
