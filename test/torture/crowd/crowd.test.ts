/**
 * Rounds of a crowd of sweeps over the same orphans: `helpers/crowd.ts`. TORTURE_ORPHANS and TORTURE_ROUNDS make it larger
 * or smaller; TORTURE_SEED repeats how many functions each owner registers before it is killed.
 */
import assert from 'node:assert/strict';
import { performance } from 'node:perf_hooks';
import { test } from 'node:test';
import { type CrowdFigures, runCrowd } from '../../helpers/crowd.ts';
import { timeFor } from '../budget.ts';
import { randomOf, tortureSeed } from '../random.ts';
import { addRow } from '../table.ts';

const ORPHANS = Number(process.env.TORTURE_ORPHANS ?? 1000);
const ROUNDS = Number(process.env.TORTURE_ROUNDS ?? 20);
const OWNERS = 8;
const MOST_REGISTRATIONS = 60;

const faults = ['lost', 'twice', 'early', 'left', 'misreported'] as const;

test(`four sweepers, a cleanup and jobs that open, in loops over ${ORPHANS} orphans while owners are killed: none lost, doubled, early or left`, async t => {
  const seed = tortureSeed();
  process.stdout.write(`crowd: TORTURE_SEED=${seed}\n`);
  const endsAtMs = performance.now() + timeFor('crowd');
  const rounds: CrowdFigures[] = [];
  for (let round = 0; round < ROUNDS && (round === 0 || performance.now() < endsAtMs); round++) {
    const random = randomOf(seed, round);
    const registrations = Array.from({ length: OWNERS }, () => random.whole(1, MOST_REGISTRATIONS));
    // Each round ends its processes and removes its directory.
    await t.test(`round ${round + 1}`, async inner => {
      const figures = await runCrowd(inner, { orphans: ORPHANS, registrations });
      rounds.push(figures);
      const { leftToOthers, missedByAll, registered, sweeps } = figures;
      inner.diagnostic(JSON.stringify({ registered, sweeps, leftToOthers, missedByAll }));
      for (const fault of faults) assert.deepEqual(figures[fault], [], `${fault}, TORTURE_SEED=${seed}`);
    });
  }
  const sum = (of: (one: CrowdFigures) => number): number => rounds.reduce((all, one) => all + of(one), 0);
  for (const fault of faults) {
    const found = sum(figures => figures[fault].length);
    addRow({ part: 'crowd', what: fault, tried: sum(figures => figures.registered), found });
  }
  t.diagnostic(
    `${rounds.length} rounds, ${sum(one => one.sweeps)} sweeps; a file was left to another sweep ${sum(one => one.leftToOthers)} times; functions that all of them missed: ${sum(one => one.missedByAll)}`,
  );
});
