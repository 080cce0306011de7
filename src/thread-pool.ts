import { fstat } from 'node:fs';
import { setInterval } from 'node:timers';

const EVERY_MS = 1000;
/** No file has it, so the answer is EBADF at once: no file system that hangs is asked. */
const NO_DESCRIPTOR = 2 ** 31 - 1;

/**
 * From now on each second something is asked of the threads with which Node imports modules and does what is asynchronous of
 * node:fs. It keeps no process alive. `runner/preload.cts` does the same.
 * The wake-up of a thread is lost now and then: by glibc before 2.41 (bug 25847), and on macOS (libuv issue 5280). What was asked
 * for waits for the next request then, and for ever where none comes.
 */
export function keepThreadsAwake(): void {
  setInterval(() => fstat(NO_DESCRIPTOR, () => {}), EVERY_MS).unref();
}
