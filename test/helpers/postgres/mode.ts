/**
 * `npm test -- FILE` runs a few rounds of each law; `npm run test:cluster` all, and the laws that take long; between them is
 * `npm run test:cluster -- bounded`, which CI runs.
 */
export const isFull: boolean = process.env.CLUSTER_TESTS === 'full';
/** Set by `npm run test:cluster`, bounded or not. */
export const isLong: boolean = isFull || process.env.CLUSTER_TESTS === 'bounded';

/** Why a law is not shown in this run, or false. */
export const skipLong: string | false = isLong
  ? false
  : 'SKIPPED: takes long; run it with npm run test:cluster';

/** How many rounds of a law. */
export function rounds(short: number, bounded: number, full: number): number {
  return isFull ? full : isLong ? bounded : short;
}
