import { DeferredSweepError } from '../errors.ts';
import { checkBounds } from '../value/bounds.ts';
import { MAX_RECORD_BYTES } from '../value/limits.ts';
import { encodeFrame } from './frame.ts';
import { encodeRecord, type StateRecord } from './records.ts';

/**
 * Returns the frame of a record that can be read again, ready for one write(2).
 * @param path - the file it goes to, for the message
 * @throws DeferredSweepError `DEFERRED_TOO_LARGE`
 */
export function frameRecord(record: StateRecord, salt: Uint8Array, path: string): Buffer {
  const payload = encodeRecord(record, salt);
  if (payload.length > MAX_RECORD_BYTES) {
    throw new DeferredSweepError(
      'DEFERRED_TOO_LARGE',
      `cannot store a record of ${payload.length} bytes in ${path}: the limit is ${MAX_RECORD_BYTES} bytes; pass a path instead of the data`,
      { path },
    );
  }
  requireReadable(payload, path);
  return encodeFrame(payload);
}

/** Refuses a record that could not be read again: a function registered by it would be lost. */
function requireReadable(payload: Buffer, path: string): void {
  try {
    checkBounds(payload);
  } catch (error) {
    throw new DeferredSweepError(
      'DEFERRED_TOO_LARGE',
      `cannot store a record in ${path} that could not be read again; pass the path of a file with the data instead`,
      { path, cause: error },
    );
  }
}
