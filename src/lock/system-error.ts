import { nameOfErrno, type SystemError } from '../errors.ts';
import type { NativeFailure } from './native.ts';

/** Errors for which libuv, and so Node, has no name. */
const unmapped = new Map([
  ['EDQUOT', 'disk quota exceeded'],
  ['ENOLCK', 'no locks available'],
  ['ESTALE', 'stale file handle'],
]);

/** As Node would make it: `EBADF: bad file descriptor, flock`. */
export function toSystemError({ errno, syscall }: NativeFailure): SystemError {
  const [code, description] = describeErrno(errno);
  return Object.assign(new Error(`${code}: ${description}, ${syscall}`), { code, errno: -errno, syscall });
}

/** @param errno - positive, as in errno.h */
export function describeErrno(errno: number): readonly [code: string, words: string] {
  const known = process.getBuiltinModule('node:util').getSystemErrorMap().get(-errno);
  if (known !== undefined) return known;
  const code = nameOfErrno(errno);
  return [code ?? `errno ${errno}`, unmapped.get(code ?? '') ?? 'unknown system error'];
}

/** What the addon returned; throws its failure as an error of Node's shape. */
export function succeeded<T extends number | boolean | object>(outcome: T | NativeFailure): T {
  if (isFailure(outcome)) throw toSystemError(outcome);
  return outcome;
}

export function isFailure(outcome: unknown): outcome is NativeFailure {
  return typeof outcome === 'object' && outcome !== null && 'errno' in outcome;
}
