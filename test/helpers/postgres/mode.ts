/** `npm test` runs a few rounds of each law; `npm run test:cluster` many, and the laws that take long. */
export const isFull: boolean = process.env.CLUSTER_TESTS === 'full';
/** Set by `npm run test:cluster`, in either mode. */
export const isLong: boolean = isFull || process.env.CLUSTER_TESTS === 'long';

/** Why a law is not shown in this run, or false. */
export const skipLong: string | false = isLong
  ? false
  : 'SKIPPED: takes long; run it with npm run test:cluster';

/** How many rounds of a law. */
export function rounds(short: number, long: number, full: number): number {
  return isFull ? full : isLong ? long : short;
}
