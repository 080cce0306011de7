import { nativeAddon } from '../lock/native.ts';
import { isFailure } from '../lock/system-error.ts';

/**
 * Whether a state file has an owner or a sweeper, without a lock that others would run into: `held` when the file is
 * open for writing anywhere on this machine, also in another PID namespace; `free` when it is not; `unknown` where the
 * kernel or file system cannot say, and for files of others (fcntl(2), F_SETLEASE: one's own, or CAP_LEASE). Never a
 * guess. Takes some 15 µs and lets no lock fail; an open(2) for writing with O_NONBLOCK in that time gets EAGAIN.
 * @param fd - opened for reading only
 */
export function leaseState(fd: number): 'free' | 'held' | 'unknown' {
  const outcome = nativeAddon().probeLease(fd);
  if (isFailure(outcome)) return 'unknown';
  return outcome === 1 ? 'held' : 'free';
}
