import { closeSync, constants, openSync } from 'node:fs';
import { systemErrorCode } from '../errors.ts';

/** O_NOFOLLOW and O_NONBLOCK: open(2) must not follow a link, nor wait for a FIFO, that a stranger left here. */
export const READ_FLAGS: number = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
/** O_APPEND: the records of each process go to the end. */
export const WRITE_FLAGS: number =
  constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** Standard input, output and error, and the two pipes of a runner (`CONTROL_FD`, `EVENT_FD`). */
const LAST_STANDARD_FD = 4;

/** A lister that lost its processor in that moment has it back by then. */
const MOST_WAITS = 200;
const WAIT_MS = 1;

const nothing = new Int32Array(new SharedArrayBuffer(4));

/**
 * As open(2), but never under the number of a standard stream, which a program may have closed: what it prints would go into
 * the file, and a child that inherits that stream would have the lock.
 */
export function openBeyondStandard(path: string, flags: number, mode?: number): number {
  const low: number[] = [];
  try {
    for (;;) {
      // The first one has made the file.
      const again = low.length === 0 ? flags : flags & ~(constants.O_CREAT | constants.O_EXCL);
      const fd = openSync(path, again, mode);
      if (fd > LAST_STANDARD_FD) return fd;
      low.push(fd);
    }
  } finally {
    for (const fd of low) closeSync(fd);
  }
}

/**
 * As {@link openBeyondStandard}. A process that lists files holds a lease for some microseconds. An open for writing with
 * O_NONBLOCK fails then (fcntl(2), F_SETLEASE): it is tried again, for a fifth of a second at most.
 */
export function openPatiently(path: string, flags: number): number {
  for (let waits = 0; ; waits++) {
    try {
      return openBeyondStandard(path, flags);
    } catch (error) {
      if (systemErrorCode(error) !== 'EAGAIN' || waits === MOST_WAITS) throw error;
      Atomics.wait(nothing, 0, 0, WAIT_MS);
    }
  }
}
