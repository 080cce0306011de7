import { DeferredSweepError } from '../errors.ts';
import { requireReadable } from '../value/bounds.ts';
import { encode } from '../value/codec.ts';
import { encodeFlat } from '../value/flat.ts';
import { MAX_RECORD_BYTES } from '../value/limits.ts';
import { readRecord } from './decode-record.ts';
import { encodeFrame, FRAME_HEAD_BYTES, sealFrame } from './frame.ts';
import type { StateRecord } from './records.ts';
import { fieldsOf } from './validate.ts';

/**
 * The frame of a record, ready for one write(2), bound to the file with this salt.
 * @param path - the file's, for the message
 * @throws DeferredSweepError `DEFERRED_TOO_LARGE`; `DEFERRED_STATE_CORRUPT` naming a field that no reader would take
 */
export function frameRecord(record: StateRecord, salt: Uint8Array, path: string): Buffer {
  // What a reader would refuse is refused here, before it is acknowledged.
  readRecord(fieldsOf(record, 'record'), salt);
  const frame = encodeFlat(record, ['salt', salt], FRAME_HEAD_BYTES);
  if (frame) return sealFrame(frame);
  const payload = encode({ ...record, salt });
  if (payload.length > MAX_RECORD_BYTES) {
    throw new DeferredSweepError(
      'DEFERRED_TOO_LARGE',
      `cannot store a record of ${payload.length} bytes in ${path}: the limit is ${MAX_RECORD_BYTES} bytes; pass a path instead of the data`,
      { path },
    );
  }
  // A function registered by a record that could not be read again would be lost.
  requireReadable(payload, cause => {
    const text = `cannot store a record in ${path} that could not be read again; pass the path of a file with the data instead`;
    return new DeferredSweepError('DEFERRED_TOO_LARGE', text, { path, cause });
  });
  return encodeFrame(payload);
}
