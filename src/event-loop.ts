import { setImmediate } from 'node:timers';

/** Resolves after a whole turn of the event loop. The present one may have looked already at what is waited for. */
export function wholeTurn(): Promise<void> {
  return new Promise(resolve => setImmediate(() => setImmediate(resolve)));
}
