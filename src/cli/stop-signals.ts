/** What a command does until SIGINT or SIGTERM tells it to stop. */
import { afterEcho, ignoreEchoAtEnd } from '../job/second-signal.ts';
import { HURRY } from '../stop.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * What `body` returns. Its signal is aborted at the first of both. Then nothing new begins, the rest stays registered, and
 * there is a report. The function in progress finishes, within its limit. The second signal ends this process at once.
 * @param isHurried - at SIGTERM the function in progress has the grace of the command: the sender (timeout(1), a batch
 * system) has a time of its own, and kills after it
 */
export async function withStopSignals<T>(
  body: (signal: AbortSignal) => Promise<T>,
  isHurried = true,
): Promise<T> {
  const abort = new AbortController();
  const stop = (name: NodeJS.Signals): void => {
    // The first, told again.
    if (abort.signal.aborted) return;
    endAt(SIGNALS.filter(other => other !== name));
    // Also when `body` has ended: what it did ended well.
    afterEcho(() => endAt([name]));
    ignoreEchoAtEnd();
    abort.abort(isHurried && name === 'SIGTERM' ? HURRY : undefined);
  };
  /** From now on they end this process, by their usual effect: it does not wait for the event loop. */
  const endAt = (names: readonly NodeJS.Signals[]): void => {
    for (const name of names) {
      // The kernel keeps from pid 1 what would end another process.
      if (process.pid === 1) process.on(name, exitBy);
      process.removeListener(name, stop);
    }
  };
  for (const name of SIGNALS) process.on(name, stop);
  try {
    return await body(abort.signal);
  } finally {
    if (!abort.signal.aborted) endAt(SIGNALS);
  }
}

function exitBy(_name: NodeJS.Signals, number: number): never {
  process.exit(128 + number);
}
