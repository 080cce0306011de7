import { fstatSync, lstatSync } from 'node:fs';
import { constants } from 'node:os';

/**
 * Whether `path` still names the file open on `fd`: same device, same inode, and no symbolic link in between.
 *
 * Between a racer's open(2) and its lock another process may have unlinked or renamed away the file, or put a new
 * one in its place; the lock is then on a file nobody else will ever look at. So this is asked after every
 * lock. False, not an error, when the path is gone (ENOENT, ENOTDIR) or the server has forgotten the file (ESTALE).
 *
 * Inode numbers are compared as BigInt: past 2^53 (NFS, overlay file systems with xino) two neighbours would be
 * the same double.
 *
 * @throws Error of Node's shape for any other failure of fstat(2) or lstat(2)
 */
export function namesLockedFile(fd: number, path: string): boolean {
  try {
    const held = fstatSync(fd, { bigint: true });
    const named = lstatSync(path, { bigint: true, throwIfNoEntry: false });
    return named !== undefined && named.ino === held.ino && named.dev === held.dev;
  } catch (error) {
    if (isStaleHandle(error)) return false;
    throw error;
  }
}

/** By number: libuv has no name for ESTALE, so Node's `code` is "Unknown system error -116". */
function isStaleHandle(error: unknown): boolean {
  return error instanceof Error && 'errno' in error && error.errno === -constants.errno.ESTALE;
}
