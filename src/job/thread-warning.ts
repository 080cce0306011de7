/** A worker thread that would leave its lock to the process is told. */
import { closesDescriptorsAtEnd } from '../native/thread-descriptors.ts';
import type { Logger } from '../report/logger.ts';

let hasLooked = false;

/** Warns, once in a thread, if a death of the thread alone would go unnoticed. */
export function warnOfUntrackedThread(logger: Logger): void {
  if (hasLooked) return;
  hasLooked = true;
  if (closesDescriptorsAtEnd()) return;
  logger.warn(
    'deferred-sweep: this worker thread was started with trackUnmanagedFds: false, so its locks outlive it: ' +
      'what it defers is swept only after the whole process has ended; start it without that option',
  );
}
