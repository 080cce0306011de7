import { fchmodSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';
import { errorCode } from '../function/native-error.ts';

/**
 * Of state files and dead letters. Age-based cleaners of temporary directories (systemd-tmpfiles) leave sticky files
 * alone; other kernels refuse the bit.
 */
export const FILE_MODE: number = process.platform === 'linux' ? 0o1600 : 0o600;

/**
 * Where the file system refuses modes, what it shows of the file decides: a creator looks at that.
 *
 * Open(2) leaves out what the umask says, and may leave out the sticky bit; it never adds any. So where Node has no
 * fchmod(2), under its permission model, the file is as safe without.
 */
export function setFileMode(fd: number): void {
  try {
    fchmodSync(fd, FILE_MODE);
  } catch (error) {
    // Not an answer of the system's: it comes before any call.
    if (errorCode(error) === 'ERR_ACCESS_DENIED') return;
    // As FAT does of what it cannot store.
    if (systemErrorCode(error) !== 'EPERM') throw error;
  }
}
