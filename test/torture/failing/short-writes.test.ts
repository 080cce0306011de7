/**
 * Limits the size of files (RLIMIT_FSIZE) such that each write to a state file in turn is cut short by the kernel, and
 * every later one finds no room at all. `retval=` of strace would only claim it.
 */
import { walkEvery } from '../walk/every-scenario.ts';
import { appendsOf } from '../walk/points.ts';
import { findScenarios } from '../walk/scenario.ts';
import type { Trial } from '../walk/walk.ts';
import { judgeFailing } from './judge.ts';

const SHARE = 0.15;
/** Ledgers are shorter: what the functions themselves write is not cut. */
const LEAST_LIMIT = 256;

// Where a child runs the functions, it is that which writes. Without functions nobody does.
const found = (await findScenarios()).filter(({ scenario }) => {
  return !scenario.appendsNothing && (scenario.victim === 'runner' || scenario.children === undefined);
});

function isCutShort(line: string): boolean {
  const [, asked, written] = /^write\(.*, (\d+)\) += (\d+)$/.exec(line) ?? [];
  return Number(written) < Number(asked) || /^write\(.*EFBIG/.test(line);
}

walkEvery(found, {
  part: 'failing',
  share: SHARE,
  title: ['a documented code, or everything holds', 'every write cut short'],
  row: ({ name }) => `${name}, short writes`,
  how: () => ({
    trials(trace, lane) {
      const appends = appendsOf(trace, lane.base, path => lane.preparedBytes(path));
      const limits = appends.flatMap(({ offset, bytes }) => [
        offset,
        offset + 1,
        offset + (bytes >> 1),
        offset + bytes - 1,
      ]);
      return [...new Set(limits)]
        .filter(limit => limit > LEAST_LIMIT)
        .map((limit): Trial => ({ what: `no file larger than ${limit} bytes`, fileSizeLimit: limit }));
    },
    hasHit: ended => ended.trace.some(isCutShort),
    judge: outcome => judgeFailing(outcome, { marksMayBeLost: true }),
  }),
});
