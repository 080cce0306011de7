/**
 * Managers that close at SIGINT and SIGTERM. One listener serves all of them: when each has closed, the process ends by the
 * signal. A second signal does not wait. It is there only while a job is open: without one the signals have their usual effect.
 */
import { dieOf } from './die-of.ts';

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;
/** Keeps the event loop from running out while functions wait for something that does not hold it. */
const HOLD_MS = 60_000;

const closers = new Set<() => Promise<unknown>>();
let isEnding = false;

/** Has `close` called at a signal, until the function that this returns is called. @param close - never rejects */
export function closeAtSignal(close: () => Promise<unknown>): () => void {
  if (closers.size === 0 && !isEnding) for (const signal of SIGNALS) process.on(signal, end);
  closers.add(close);
  return () => {
    closers.delete(close);
    if (closers.size === 0 && !isEnding) for (const signal of SIGNALS) process.removeListener(signal, end);
  };
}

function end(signal: NodeJS.Signals): void {
  if (isEnding) process.exit(dieOf(signal));
  isEnding = true;
  setInterval(() => {}, HOLD_MS);
  void Promise.all([...closers].map(close => close())).then(() => process.exit(dieOf(signal)));
}
