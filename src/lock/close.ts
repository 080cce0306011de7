import { closeSync } from 'node:fs';
import { DeferredSweepError, systemErrorCode } from '../errors.ts';
import { unlock } from './advisory-lock.ts';
import { isSystemError } from './system-error.ts';

/**
 * The descriptor is closed, and a lock that it alone held is gone, whatever close(2) answers: Linux frees a descriptor
 * before it can fail (close(2), "Dealing with error returns from close()"). What an answer such as EIO is about, data
 * written before and not stored yet, was acknowledged by write(2), or by fdatasync(2) where that was asked for.
 *
 * @throws Error of Node's shape with EBADF: it was closed before, and that is a mistake of ours
 */
export function closeDescriptor(fd: number): void {
  try {
    closeSync(fd);
  } catch (error) {
    if (systemErrorCode(error) === undefined || isSystemError(error, 'EBADF')) throw error;
  }
}

/**
 * As {@link closeDescriptor}, and nobody has the lock any more, of either scheme, also where native code forked without
 * exec: close(2) leaves the lock to whoever has a copy of the descriptor (flock(2), fcntl(2)). Not while a process of
 * ours, a runner, relies on its copy.
 */
export function unlockAndClose(fd: number): void {
  for (const scheme of ['flock', 'ofd'] as const) {
    try {
      unlock(fd, { scheme });
    } catch (error) {
      // A scheme that this system does not have; or close(2) gives up what could not be given up by itself.
      if (!(error instanceof DeferredSweepError) && systemErrorCode(error) === undefined) throw error;
    }
  }
  closeDescriptor(fd);
}
