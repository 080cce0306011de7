import { constants, fsyncSync, openSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';
import { closeDescriptor } from '../lock/close.ts';

/** Makes the names in a directory durable. fsync(2) of a file does not do that; the directory needs its own. */
export function syncDirectory(path: string): void {
  const fd = openSync(path, constants.O_RDONLY);
  try {
    fsyncSync(fd);
  } finally {
    closeDescriptor(fd);
  }
}

/** As {@link syncDirectory}, for a parent. Another process may have made a directory in it, and not synced it yet. */
export function syncParent(path: string): void {
  try {
    syncDirectory(path);
  } catch (error) {
    // This process may not read it, so a user with more rights made the directory in it before.
    if (systemErrorCode(error) !== 'EACCES') throw error;
  }
}
