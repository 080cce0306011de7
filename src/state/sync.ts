import { constants, fsyncSync, openSync } from 'node:fs';
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
