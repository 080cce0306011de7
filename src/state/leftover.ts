import { hasCode } from '../errors.ts';
import { MAGIC } from '../log/frame.ts';
import { replay } from '../log/replay.ts';

/**
 * True if an unfinished file may be removed: it is empty, or all zeros after a machine crash, or begins with a header of
 * this format, perhaps cut short. Any other may be the only copy of something.
 * @param bytes - the file, or its beginning with the first frame
 */
export function isCreatorsLeftover(bytes: Buffer): boolean {
  if (bytes.every(byte => byte === 0)) return true;
  const start = bytes.subarray(0, MAGIC.length);
  if (!start.equals(MAGIC.subarray(0, start.length))) return false;
  try {
    const { header, damagedBytes } = replay(bytes);
    return header !== undefined || damagedBytes === 0;
  } catch (error) {
    // Only a header has a version.
    if (hasCode(error, 'DEFERRED_STATE_VERSION')) return true;
    throw error;
  }
}
