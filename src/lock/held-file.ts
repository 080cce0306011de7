import { type BigIntStats, fstatSync, lstatSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';

/**
 * Whether `path`, itself no symbolic link, still names the file open on `fd`. Asked after every lock: between open(2) and the
 * lock another process may have unlinked, renamed or replaced the file, and no other process looks at this one any more.
 * A network file system may answer from its client's cache: `docs/locking.md`.
 */
export function namesLockedFile(fd: number, path: string): boolean {
  const isNamed = (): boolean => {
    const named = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return named !== undefined && isSameInode(fstatSync(fd, { bigint: true }), named);
  };
  // ESTALE: the server has forgotten the file.
  return unlessRefused(isNamed, false, 'ENOTDIR', 'ESTALE');
}

export function areSameFile(fd: number, otherFd: number): boolean {
  return isSameInode(fstatSync(fd, { bigint: true }), fstatSync(otherFd, { bigint: true }));
}

/**
 * Names the inode of a file while it exists. A later file may get the same number. Past 2^53 (NFS, Lustre, overlay file
 * systems with xino) two neighbours are the same double, so only a BigInt is exact.
 */
export function inodeKey({ dev, ino }: Pick<BigIntStats, 'dev' | 'ino'>): string {
  return `${dev}:${ino}`;
}

/** The {@link inodeKey} of what is open under this number, if anything is. */
export function inodeOf(fd: number): string | undefined {
  return unlessRefused(() => inodeKey(fstatSync(fd, { bigint: true })), undefined);
}

function isSameInode(a: BigIntStats, b: BigIntStats): boolean {
  return a.ino === b.ino && a.dev === b.dev;
}
