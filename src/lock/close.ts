import { closeSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';
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
