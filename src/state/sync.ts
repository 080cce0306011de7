import { constants, fsyncSync, openSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';
import { closeDescriptor } from '../lock/close.ts';

/** Makes the names in a directory durable: fsync(2) of a file alone does not, the directory wants its own. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeDescriptor(fd);
  }
}

/** As {@link syncDirectory}, of the directory above one of ours: another process may have made that, and not synced yet. */
export function syncParent(path: string): void {
  try {
    syncDirectory(path);
  } catch (error) {
    // Not ours to read, so the directory in it is older than we are: a user with more rights made it.
    if (systemErrorCode(error) !== 'EACCES') throw error;
  }
}
