import { type BigIntStats, fstatSync, lstatSync, type Stats } from 'node:fs';
import { isSystemError, unlessRefused } from '../errors.ts';

/**
 * Whether `path` still names the file open on `fd`: same device, same inode, and itself no symbolic link.
 *
 * Between open(2) and the lock another process may have unlinked, renamed or replaced the file. The lock is then on a file
 * that no other process will look at. So this is asked after every lock. False, not an error, if the path is gone
 * (ENOENT, ENOTDIR) or the server has forgotten the file (ESTALE).
 *
 * Inode numbers are compared as BigInt: past 2^53 (NFS, overlay file systems with xino) two neighbours are the same
 * double. A network file system may answer from its client's cache: `docs/locking.md`.
 *
 * @throws Error of Node's shape for any other failure of fstat(2) or lstat(2)
 */
export function namesLockedFile(fd: number, path: string): boolean {
  try {
    const named = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return named !== undefined && isSameInode(fstatSync(fd, { bigint: true }), named);
  } catch (error) {
    if (isSystemError(error, 'ENOTDIR', 'ESTALE')) return false;
    throw error;
  }
}

/**
 * Whether two descriptors are open on the same file, whatever its names are.
 *
 * @throws Error of Node's shape if fstat(2) fails
 */
export function areSameFile(fd: number, otherFd: number): boolean {
  return isSameInode(fstatSync(fd, { bigint: true }), fstatSync(otherFd, { bigint: true }));
}

/** Names the inode of a file while it exists. A later file may get the same number. */
export function inodeKey({ dev, ino }: Pick<Stats | BigIntStats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`;
}

/** What is open under this number, as {@link inodeKey} names it. Undefined if nothing is. */
export function inodeOf(fd: number): string | undefined {
  return unlessRefused(() => inodeKey(fstatSync(fd)), undefined);
}

function isSameInode(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
