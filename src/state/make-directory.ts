import { chmodSync, lstatSync, mkdirSync, rmdirSync } from 'node:fs';
import { systemErrorCode, unlessRefused } from '../errors.ts';

const MODE = 0o700;

/**
 * Makes one directory for this user alone, under any umask. True if this call made it. Node's recursive mkdir would not do: it
 * answers ENOENT for the EROFS of mkdir(2).
 * @param path - in a directory in which no other user can replace it
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
    // Without these rights the directory would be in the way of every later worker.
    unlessRefused(() => rmdirSync(path), undefined);
    throw error;
  }
  return true;
}

/**
 * Adds the user's rights that a umask took from a directory. This process made it, or another worker that has not come to
 * this step, or died before it. Never takes rights away.
 */
export function grantOwner(path: string): void {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  if (!stat || stat.uid !== process.geteuid?.()) return;
  const rights = stat.mode & 0o777;
  if ((rights | MODE) !== MODE || rights === MODE) return;
  // ENOENT: a cleanup has removed it.
  unlessRefused(() => chmodSync(path, MODE), undefined, 'ENOENT');
}

/** True if the directory is gone. False is ordinary: another process has a file in it, or made it anew. */
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
