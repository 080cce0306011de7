import { fchmodSync } from 'node:fs';

/**
 * Of state files and dead letters. Age-based cleaners of temporary directories (systemd-tmpfiles) leave sticky files
 * alone; other kernels refuse the bit.
 */
export const FILE_MODE: number = process.platform === 'linux' ? 0o1600 : 0o600;

/** open(2) leaves out what the umask says, and may leave out the sticky bit. */
export function setFileMode(fd: number): void {
  fchmodSync(fd, FILE_MODE);
}
