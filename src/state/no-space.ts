import { constants } from 'node:os';
import { DeferredSweepError } from '../errors.ts';
import { isSystemError } from '../lock/system-error.ts';

/** A disk this full, a quota or a limit on files (setrlimit(2)) takes no mark, yet the cleanup may be what frees it. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof DeferredSweepError && isSystemError(error.cause, 'ENOSPC', 'EDQUOT', 'EFBIG');
}

/** The error of a write(2) that took less than it was given. */
export function noSpace(written: number, expected: number): Error {
  return Object.assign(new Error(`ENOSPC: wrote ${written} of ${expected} bytes, write`), {
    code: 'ENOSPC',
    errno: -constants.errno.ENOSPC,
    syscall: 'write',
  });
}
