/** How much of the torture fits into the time there is: `npm run test:torture -- --minutes N`, without it all of it. */

/** The name in the environment under which `main.ts` hands the minutes to each part. */
export const MINUTES = 'TORTURE_MINUTES';

/** What each part gets of the minutes; they add up to one. */
const SHARES = {
  killed: 0.2,
  failing: 0.2,
  bytes: 0.08,
  many: 0.16,
  crowd: 0.04,
  where: 0.12,
  crash: 0.08,
  native: 0.12,
};

export type Part = keyof typeof SHARES;

/** Returns how long this part may take, in milliseconds: Infinity where there is no bound. */
export function timeFor(part: Part): number {
  const minutes = process.env[MINUTES];
  return minutes === undefined ? Number.POSITIVE_INFINITY : Number(minutes) * 60_000 * SHARES[part];
}
