import { fstatSync, readSync } from 'node:fs';
import { DeferredSweepError } from '../errors.ts';
import { stateIo } from './state-io.ts';

/** A file is read as a whole. */
export const MAX_STATE_FILE_BYTES: number = 384 * 1024 * 1024;

/**
 * Reads a whole file through the descriptor, from its beginning.
 * @throws DeferredSweepError `DEFERRED_TOO_LARGE`, `DEFERRED_STATE_IO`
 */
export function readAll(fd: number, path: string): Buffer {
  return stateIo(`read ${path}`, path, () => read(fd, path));
}

/** As much of a part as there is. @throws Error of Node's shape */
export function readPart(fd: number, offset: number, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  return bytes.subarray(0, readSync(fd, bytes, 0, length, offset));
}

function read(fd: number, path: string): Buffer {
  const { size } = fstatSync(fd);
  if (size > MAX_STATE_FILE_BYTES) {
    throw new DeferredSweepError(
      'DEFERRED_TOO_LARGE',
      `cannot read ${path}: it has ${size} bytes, a state file holds at most ${MAX_STATE_FILE_BYTES}`,
      { path },
    );
  }
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const count = readSync(fd, bytes, length, size - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}
