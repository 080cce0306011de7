import { closeSync } from 'node:fs';
import { DeferredSweepError, isSystemError, systemErrorCode } from '../errors.ts';
import { unlock } from './advisory-lock.ts';

/**
 * Closes the descriptor. Of the errors of close(2) it throws only EBADF, which a bug of this package causes. After any other
 * the descriptor and a lock that it alone held are gone: Linux frees it before close(2) can fail (close(2), "Dealing with
 * error returns from close()"). An error such as EIO is about data that write(2) acknowledged before, or fdatasync(2) if it
 * was called.
 */
export function closeDescriptor(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    if (systemErrorCode(error) === undefined || isSystemError(error, 'EBADF')) throw error;
  }
}

/**
 * As {@link closeDescriptor}, after the locks of both schemes were given up. close(2) alone would leave them to a process
 * that native code forked without exec, and that has a copy of the descriptor (flock(2), fcntl(2)).
 */
export function unlockAndClose(fd: number): void {
  for (const scheme of ['flock', 'ofd'] as const) {
    try {
      unlock(fd, { scheme });
    } catch (error) {
      // This system may not have the scheme. Any other lock is given up by close(2).
      if (!(error instanceof DeferredSweepError) && systemErrorCode(error) === undefined) throw error;
    }
  }
  closeDescriptor(fd);
}
