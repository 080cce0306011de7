/** Directories for us alone, whatever the umask. */
import { chmodSync, lstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { systemErrorCode, unlessRefused } from '../errors.ts';

const MODE = 0o700;

/**
 * Makes one directory, readable by its user alone. Returns whether it was we who made it. Not Node's recursive mkdir,
 * which says ENOENT where mkdir(2) says EROFS.
 * @param path - in a directory in which no other user can replace it
 * @throws Error of Node's shape
 */
export function makeDirectory(path: string): boolean {
  try {
    mkdirSync(path, { mode: MODE });
  } catch (error) {
    if (systemErrorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    grantOwner(path);
  } catch (error) {
    // Left without the rights that we need it would be in the way of every later worker.
    unlessRefused(() => rmdirSync(path), undefined);
    throw error;
  }
  return true;
}

/**
 * Gives the user of a directory of ours the rights that a umask took: what we have just made, or another worker of ours
 * that has not come to this yet, or died before. Never takes any. A directory that is gone is left gone.
 * @throws Error of Node's shape
 */
export function grantOwner(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat || stat.uid !== process.geteuid?.()) return;
  const rights = stat.mode & 0o777;
  if ((rights | MODE) !== MODE || rights === MODE) return;
  try {
    chmodSync(path, MODE);
  } catch (error) {
    // Removed by a cleanup since.
    if (systemErrorCode(error) !== 'ENOENT') throw error;
  }
}

/**
 * Removes a directory in which nothing is. Returns whether it is gone: another process's file in it, or a creator that
 * comes right after, is ordinary.
 * @throws Error of Node's shape
 */
export function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}
