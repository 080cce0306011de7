import { nativeLease } from '../lock/native.ts';

/**
 * Whether a state file has an owner or a runner, without a lock that others would run into: `held` when the file is open
 * for writing anywhere on this machine, also in another PID namespace; `free` when it is not; `unknown` where the kernel
 * or file system cannot say, and for files of others (fcntl(2), F_SETLEASE: one's own, or CAP_LEASE). Never a guess.
 * @param fd - opened for reading only
 */
export function leaseState(fd: number): 'free' | 'held' | 'unknown' {
  const outcome = nativeLease().probeLease(fd);
  if (typeof outcome !== 'number') return 'unknown';
  return outcome === 1 ? 'held' : 'free';
}
