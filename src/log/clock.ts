/** The longest time of a timer of Node, in milliseconds: about 24.8 days. */
export const MAX_TIMER_MS: number = 2 ** 31 - 1;

/**
 * Milliseconds since 1970, a finite number of at least 0. Clocks of tests and of boards without a battery say other things
 * (negative, NaN, a text); a reader would take such a record for damage.
 */
export function epochMs(): number {
  const now: unknown = Date.now();
  return typeof now === 'number' && Number.isFinite(now) && now > 0 ? now : 0;
}
