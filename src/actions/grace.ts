import { MAX_TIMER_MS } from '../log/clock.ts';

/**
 * The time between SIGTERM and SIGKILL, checked.
 * @throws RangeError for anything but milliseconds that a timer of Node can wait
 */
export function grace(killGraceMs: number): number {
  if (typeof killGraceMs === 'number' && killGraceMs >= 0 && killGraceMs <= MAX_TIMER_MS) return killGraceMs;
  throw new RangeError(
    `option "killGraceMs" must be milliseconds from 0 to ${MAX_TIMER_MS}, got ${String(killGraceMs)}`,
  );
}
