import { constants, openSync } from 'node:fs';
import { DeferredSweepError, isLockUndecided, unlessRefused } from '../errors.ts';
import { type LockScheme, tryLock } from './advisory-lock.ts';
import { closeDescriptor } from './close.ts';
import { areSameFile } from './held-file.ts';

/** As state files are opened: never through a symbolic link, and not waiting should it be a FIFO by now. */
const openFlags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Whether locks on the file system of `path` were seen to exclude: a second descriptor of the file, which `fd` holds
 * exclusively, was refused the lock. No list of file-system names can know this.
 *
 * False is no verdict: the path was gone or replaced by the time it was opened again, or the kernel could not say (EIO,
 * ENOLCK, ESTALE). The test cannot see a lock that excludes only within this host or this mount: `docs/locking.md`.
 *
 * Closing the second descriptor keeps the lock of `fd`, since flock and OFD locks belong to the open file description. (A
 * POSIX record lock would be dropped: fcntl(2).)
 * @throws DeferredSweepError `DEFERRED_LOCK_INEFFECTIVE` if the second descriptor was given the lock, too
 */
export function assertLocksExclude(fd: number, path: string, scheme: LockScheme): boolean {
  // Unlinked, its directory gone, replaced by a symbolic link or a directory, or forgotten by the server; EAGAIN: a
  // process that lists files has a lease.
  const noVerdict = ['EAGAIN', 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ESTALE'];
  const second = unlessRefused(() => openSync(path, openFlags), undefined, ...noVerdict); // libuv adds O_CLOEXEC
  if (second === undefined) return false;
  try {
    // Another process may have put a new file there: its lock is not ours to touch, and would prove nothing.
    if (!areSameFile(fd, second)) return false;
    if (!tryLock(second, { scheme })) return true;
  } catch (error) {
    if (isLockUndecided(error)) return false;
    throw error;
  } finally {
    closeDescriptor(second);
  }
  throw new DeferredSweepError(
    'DEFERRED_LOCK_INEFFECTIVE',
    `cannot rely on ${scheme} locks for ${path}: its file system granted a second exclusive lock while the first ` +
      `was held; put the state directory on a local file system, or try scheme '${scheme === 'ofd' ? 'flock' : 'ofd'}'`,
    { path },
  );
}
