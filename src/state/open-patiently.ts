/** Opening a file for writing beside a process that lists files. */
import { openSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';

/** A lister that lost its processor in that moment has it back by then. */
const MOST_WAITS = 200;
const WAIT_MS = 1;

const nothing = new Int32Array(new SharedArrayBuffer(4));

/**
 * As open(2). A process that lists files holds a lease for some microseconds, in which an open for writing with O_NONBLOCK
 * fails (fcntl(2), F_SETLEASE): it is tried again, for a fifth of a second at most.
 * @throws Error of Node's shape
 */
export function openPatiently(path: string, flags: number): number {
  for (let waits = 0; ; waits++) {
    try {
      return openSync(path, flags);
    } catch (error) {
      if (systemErrorCode(error) !== 'EAGAIN' || waits === MOST_WAITS) throw error;
      Atomics.wait(nothing, 0, 0, WAIT_MS);
    }
  }
}
