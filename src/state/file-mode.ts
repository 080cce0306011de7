import { fchmodSync } from 'node:fs';
import { types } from 'node:util';

/**
 * Of state files and dead letters. Age-based cleaners of temporary directories (systemd-tmpfiles) leave sticky files
 * alone; other kernels refuse the bit.
 */
export const FILE_MODE: number = process.platform === 'linux' ? 0o1600 : 0o600;

/**
 * Open(2) leaves out what the umask says, and may leave out the sticky bit; it never adds any. So where Node has no
 * fchmod(2), under its permission model, the file is as safe without.
 */
export function setFileMode(fd: number): void {
  try {
    fchmodSync(fd, FILE_MODE);
  } catch (error) {
    if (!isDisabled(error)) throw error;
  }
}

/** Not an answer of the system's: `ERR_ACCESS_DENIED` comes before any call. */
function isDisabled(error: unknown): boolean {
  return types.isNativeError(error) && 'code' in error && error.code === 'ERR_ACCESS_DENIED';
}
