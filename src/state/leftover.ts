/** Recognizes the unfinished file of a dead creator. Pure. */

import { hasCode } from '../errors.ts';
import { decodeRecord } from '../log/decode-record.ts';
import { encodeFrame, readFrames } from '../log/frame.ts';

/** The first bytes of every frame. */
const FRAME_START = encodeFrame(Buffer.alloc(0)).subarray(0, 5);

/**
 * True if an unfinished file may be removed: it is empty, or all zeros after a machine crash, or begins with a header of
 * this format, perhaps cut short. Any other file is not a creator's and may be the only copy of something.
 * @param bytes - the file, or its beginning with the first frame
 */
export function isCreatorsLeftover(bytes: Buffer): boolean {
  if (bytes.every(byte => byte === 0)) return true;
  const start = bytes.subarray(0, FRAME_START.length);
  if (!start.equals(FRAME_START.subarray(0, start.length))) return false;
  const { value: first } = readFrames(bytes, () => false).next();
  if (!first || first.kind === 'torn') return true;
  return first.kind === 'frame' && isHeader(first.payload);
}

function isHeader(payload: Buffer): boolean {
  try {
    return decodeRecord(payload).record?.kind === 'header';
  } catch (error) {
    if (hasCode(error, 'DEFERRED_STATE_CORRUPT')) return false;
    // Only a header has a version.
    if (hasCode(error, 'DEFERRED_STATE_VERSION')) return true;
    throw error;
  }
}
