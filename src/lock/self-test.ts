import { constants, openSync } from 'node:fs';
import { DeferredSweepError } from '../errors.ts';
import { type LockScheme, tryLock } from './advisory-lock.ts';
import { closeDescriptor } from './close.ts';
import { areSameFile } from './held-file.ts';
import { isLockUndecided, isSystemError } from './system-error.ts';

/** The flags of state files: never through a symbolic link, and without waiting for a FIFO. */
const openFlags = constants.O_RDWR | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Tests the locks of the file system of `path`: a second descriptor of the file that `fd` has locked must be refused the
 * lock. True if it was. No list of file systems could tell.
 *
 * False is no verdict: the path was gone or replaced, or the kernel could not decide (EIO, ENOLCK, ESTALE). The caller tests
 * another file. The test cannot see a lock that excludes only within this host or mount: `docs/locking.md`.
 *
 * Closing the second descriptor keeps the lock of `fd`, because flock and OFD locks belong to the open file description.
 * (A POSIX record lock would be dropped: fcntl(2).)
 *
 * @param fd - holds the exclusive lock of `scheme` on the file that `path` names
 * @throws DeferredSweepError `DEFERRED_LOCK_INEFFECTIVE` if the second descriptor got the lock, too; as {@link tryLock}
 * @throws Error of Node's shape if the file is there and cannot be opened a second time
 */
export function assertLocksExclude(fd: number, path: string, scheme: LockScheme): boolean {
  const second = openAgain(path);
  if (second === undefined) return false;
  try {
    // Another process may have put a new file there. Its lock must not be touched, and would prove nothing.
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

function openAgain(path: string): number | undefined {
  try {
    return openSync(path, openFlags); // libuv adds O_CLOEXEC
  } catch (error) {
    // The file was unlinked, replaced by a link or directory, or forgotten by the server, or its directory is gone.
    if (isSystemError(error, 'ENOENT', 'ENOTDIR', 'ELOOP', 'EISDIR', 'ESTALE')) return undefined;
    throw error;
  }
}
