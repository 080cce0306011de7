import { fchmodSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';
import { errorCode } from '../function/native-error.ts';

/**
 * The mode of state files and dead letters. On Linux it is sticky: systemd-tmpfiles, which removes old files, leaves
 * sticky ones alone. Other kernels refuse the bit.
 */
export const FILE_MODE: number = process.platform === 'linux' ? 0o1600 : 0o600;

/**
 * Sets the mode whatever the umask. If the file system refuses modes, this is no error: a creator checks the mode that
 * the file system shows.
 *
 * Under Node's permission model there is no fchmod(2). The file is as safe without: open(2) may leave out bits, but never
 * adds any.
 */
export function setFileMode(fd: number): void {
  try {
    fchmodSync(fd, FILE_MODE);
  } catch (error) {
    // Node's own refusal, before any system call.
    if (errorCode(error) === 'ERR_ACCESS_DENIED') return;
    // FAT answers this for modes that it cannot store.
    if (systemErrorCode(error) !== 'EPERM') throw error;
  }
}
