import { constants } from 'node:os';
import { DeferredSweepError } from '../errors.ts';
import { isSystemError } from '../lock/system-error.ts';

/** True for a full disk, a quota, or a limit on file sizes (setrlimit(2)). A cleanup may run then, and make room. */
export function isNoSpace(error: unknown): boolean {
  return error instanceof DeferredSweepError && isSystemError(error.cause, 'ENOSPC', 'EDQUOT', 'EFBIG');
}

/** The error for a short write(2). */
export function noSpace(written: number, expected: number): Error {
  return Object.assign(new Error(`ENOSPC: wrote ${written} of ${expected} bytes, write`), {
    code: 'ENOSPC',
    errno: -constants.errno.ENOSPC,
    syscall: 'write',
  });
}
