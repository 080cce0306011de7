import { constants } from 'node:os';

/**
 * Ends this process by a signal, so that its parent sees what it ended of. Returns the exit status that says the same,
 * for where no signal ends it: pid 1 of a namespace.
 */
export function dieOf(signal: NodeJS.Signals): number {
  if (process.pid !== 1) {
    process.removeAllListeners(signal);
    // Node ignores some (SIGPIPE): adding and removing a listener gives them their default.
    if (signal !== 'SIGKILL' && signal !== 'SIGSTOP')
      process.once(signal, () => {}).removeAllListeners(signal);
    process.kill(process.pid, signal);
  }
  return 128 + constants.signals[signal];
}
