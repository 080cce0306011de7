/** Kills every scenario's program on entry of each system call on its files: that call is not done any more. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { straceMissing } from '../../helpers/strace.ts';
import { timeFor } from '../budget.ts';
import { pointsOf } from '../walk/points.ts';
import { breachesOf, type Outcome, repeated, timesRun } from '../walk/promises.ts';
import type { Ended } from '../walk/run.ts';
import { findScenarios, type Scenario } from '../walk/scenario.ts';
import { type Trial, walk } from '../walk/walk.ts';

const found = await findScenarios();
const startMs = performance.now();

for (const [index, one] of found.entries()) {
  const { scenario } = one;
  test(`nothing is lost, repeated or left behind: ${scenario.name}, killed at every system call`, {
    skip: straceMissing,
  }, async context => {
    await walk(context, one, {
      part: 'killed',
      row: scenario.name,
      untilMs: startMs + (timeFor('killed') * (index + 1)) / found.length,
      trials(trace, lane) {
        const points = pointsOf(trace, lane.base);
        assert.ok(points.length >= scenario.minimumPoints, `only ${points.length} points`);
        return points.map(
          ({ call, occurrence }): Trial => ({
            what: `killed at ${call} ${occurrence}`,
            inject: `${call}:signal=KILL:when=${occurrence}`,
          }),
        );
      },
      hasHit: (ended: Ended) => ended.trace.at(-1)?.includes('killed by SIGKILL') === true,
      judge: outcome => [...breachesOf(outcome), ...judgeRepeated(scenario, outcome)],
    });
  });
}

/** Only what was in progress at the kill may run again, once. */
function judgeRepeated(scenario: Scenario, outcome: Outcome): string[] {
  return repeated(outcome)
    .filter((name, index) => {
      if (timesRun(outcome, name) > 2) return true;
      // Another process went on at once: which was the last before the kill, nobody saw.
      if (scenario.victim === 'runner' || scenario.isBesieged) return index > 0;
      // The child that runs functions outlives its sweeper until the one in progress is done.
      if (scenario.children === 'survive') return true;
      return name !== outcome.ended.atDeath.at(-1)?.name;
    })
    .map(name => `${name} ran ${timesRun(outcome, name)} times, and was not in progress at the kill`);
}
