/** Standard error as a place for what others print: it is not waited for long. */
import { writeSync } from 'node:fs';
import { systemErrorCode } from '../../errors.ts';

/** How long a full pipe is waited for. A reader that stands still is not waited for again before it reads. */
const MOST_WAIT_MS = 100;
const STEP_MS = 5;

const sleeping = new Int32Array(new SharedArrayBuffer(4));
let isStuck = false;

/** False if standard error is a full pipe that its reader leaves full. The rest of this chunk is dropped. */
export function writeSome(chunk: Buffer): boolean {
  let waitedMs = 0;
  for (let left = chunk; left.length > 0; ) {
    const count = tryWrite(left);
    // No reader misses it.
    if (count === 'closed') return true;
    if (count > 0) {
      isStuck = false;
      left = left.subarray(count);
    } else if (isStuck || waitedMs >= MOST_WAIT_MS) {
      isStuck = true;
      return false;
    } else {
      waitedMs += STEP_MS;
      Atomics.wait(sleeping, 0, 0, STEP_MS);
    }
  }
  return true;
}

/** How many bytes a write(2) took: all of a file or terminal, what there is room for of a pipe. */
function tryWrite(bytes: Buffer): number | 'closed' {
  try {
    return writeSync(2, bytes);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return systemErrorCode(error) === 'EAGAIN' ? 0 : 'closed';
  }
}
