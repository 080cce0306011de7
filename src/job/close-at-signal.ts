/**
 * Jobs that end at SIGINT and SIGTERM. One listener serves all of them: when each has ended, the process ends by the signal.
 * A second signal does not wait. It is there only while a job is open: without one the signals have their usual effect.
 */
import { dieOf } from './die-of.ts';
import { SignalCount } from './second-signal.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** Keeps the event loop from running out while functions wait for something that does not hold it. */
const HOLD_MS = 60_000;

/** One per process, not per copy of this package: the first copy to end the process would cut the others short. */
interface Closing {
  readonly closers: Set<() => Promise<unknown>>;
  isEnding: boolean;
  readonly end: (signal: NodeJS.Signals) => void;
}

const CLOSING = Symbol.for('deferred-sweep.close-at-signal.1');
const shared = globalThis as { [CLOSING]?: Closing };
shared[CLOSING] ??= { closers: new Set(), isEnding: false, end };
const closing: Closing = shared[CLOSING];
const told = new SignalCount();

/** Has `close` called at a signal, until the returned function is called. @param close - never rejects */
export function closeAtSignal(close: () => Promise<unknown>): () => void {
  const { closers } = closing;
  if (closers.size === 0 && !closing.isEnding) for (const signal of SIGNALS) process.on(signal, closing.end);
  closers.add(close);
  return () => {
    closers.delete(close);
    if (closers.size === 0 && !closing.isEnding)
      for (const signal of SIGNALS) process.removeListener(signal, closing.end);
  };
}

/** True once a signal ends this process: no sweep is begun any more. */
export function isEndingBySignal(): boolean {
  return closing.isEnding;
}

function end(signal: NodeJS.Signals): void {
  const count = told.count(signal);
  if (count === 2) process.exit(dieOf(signal));
  if (count === 0) return;
  closing.isEnding = true;
  setInterval(() => {}, HOLD_MS);
  void Promise.all([...closing.closers].map(close => close())).then(() => process.exit(dieOf(signal)));
}
