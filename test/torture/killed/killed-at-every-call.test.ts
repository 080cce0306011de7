/** Kills every scenario's program on entry of each system call on its files: that call is not done any more. */
import { aimAt, enoughPoints, walkEvery } from '../walk/every-scenario.ts';
import { killAt, type Point, wasKilled } from '../walk/points.ts';
import { breachesOf, type Outcome, repeated, timesRun } from '../walk/promises.ts';
import { findScenarios, type Scenario } from '../walk/scenario.ts';

/** Failing and then killed, in the file beside this one, gets the rest. */
const SHARE = 0.7;

walkEvery(await findScenarios(), {
  part: 'killed',
  share: SHARE,
  title: ['nothing is lost, repeated or left behind', 'killed at every system call'],
  row: ({ name }) => name,
  how: scenario => ({
    trials(trace, lane) {
      const points = enoughPoints(scenario, trace, lane);
      const inject = (targets: readonly Point[]) => targets.map(killAt);
      return points.map(point =>
        aimAt(`killed at ${point.call} ${point.occurrence}`, { targets: [point], inject }, points, lane),
      );
    },
    hasHit: ({ trace }) => wasKilled(trace),
    judge: outcome => [...breachesOf(outcome), ...judgeRepeated(scenario, outcome)],
  }),
});

/** Only what was in progress at the kill may run again, once. */
function judgeRepeated(scenario: Scenario, outcome: Outcome): string[] {
  const last = outcome.ended.atDeath.at(-1);
  return repeated(outcome)
    .filter((name, index) => {
      if (timesRun(outcome, name) > 2) return true;
      // Another process went on at once: which was the last before the kill, nobody saw.
      if (scenario.victim === 'runner' || scenario.isBesieged) return index > 0;
      // The runner outlives its sweeper until the one in progress is done. A job's own function ends with the job.
      if (scenario.children === 'survive' && last?.circumstance !== 'own') return true;
      return name !== last?.name;
    })
    .map(name => `${name} ran ${timesRun(outcome, name)} times, and was not in progress at the kill`);
}
