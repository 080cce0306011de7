/** Standard error as a place for what others print: nothing waits for it. */
import { writeSync } from 'node:fs';
import { systemErrorCode } from '../../errors.ts';

/** False if standard error is a full pipe. The rest of this chunk is dropped. */
export function writeSome(chunk: Buffer): boolean {
  try {
    writeSync(2, chunk);
    return true;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    // Closed, or its reader is gone: no reader misses it.
    return systemErrorCode(error) !== 'EAGAIN';
  }
}
