/**
 * Makes one system call of a program fail and kills it at a later one: what the failure left undone nobody can mend any
 * more. Pairs are too many to try all, so they are drawn; TORTURE_SEED repeats them.
 */

import { type Random, randomOf, tortureSeed } from '../random.ts';
import { aimAt, enoughPoints, walkEvery } from '../walk/every-scenario.ts';
import type { Lane } from '../walk/lane.ts';
import { errorsOf, failAt, hasFailed, killAt, type Point, wasKilled } from '../walk/points.ts';
import { breachesOf, type Outcome, repeated, timesRun } from '../walk/promises.ts';
import { findScenarios } from '../walk/scenario.ts';
import type { Trial } from '../walk/walk.ts';

/** Killed alone, in the file beside this one, gets the rest. */
const SHARE = 0.3;
const PAIRS = 100;

const seed = tortureSeed();
process.stdout.write(`failing, then killed: TORTURE_SEED=${seed}\n`);

walkEvery(await findScenarios(), {
  part: 'killed',
  share: SHARE,
  title: ['nothing is lost or left behind', 'one system call failing, then killed at a later one'],
  row: ({ name }) => `${name}, after a failure`,
  how: scenario => ({
    trials(trace, lane) {
      const points = enoughPoints(scenario, trace, lane);
      const random = randomOf(seed);
      return Array.from({ length: PAIRS }, () => drawPair(points, random, lane));
    },
    // The failure decides whether the program comes as far as its death; and where two calls are not ordered by the
    // program, the death may come first.
    hasHit: ({ trace }, lane) => hasFailed(trace, lane.base) || wasKilled(trace),
    judge,
  }),
});

/** Two points in their order, of different calls: strace tampers with a kind of call in one way only. */
function drawPair(points: readonly Point[], random: Random, lane: Lane): Trial {
  for (;;) {
    const first = random.whole(0, points.length - 2);
    const [failing, deadly] = [points[first]!, points[random.whole(first + 1, points.length - 1)]!];
    if (failing.call === deadly.call) continue;
    const error = random.pick(errorsOf(failing.call));
    const what = `${failing.call} ${failing.occurrence} fails with ${error}, killed at ${deadly.call} ${deadly.occurrence}`;
    const inject = ([first, second]: readonly Point[]) => [failAt(first!, error), killAt(second!)];
    return aimAt(what, { targets: [failing, deadly], inject }, points, lane);
  }
}

/** The mark that failed, and the one the process died over, may both be missing of what ran: it may run once more. */
function judge(outcome: Outcome): string[] {
  const { told, trace, hangingProcesses } = outcome.ended;
  // Where counts differ between runs, the failure may meet a call of Node's or of the walk's own.
  const isOurs = hasFailed(trace, outcome.lane.base);
  return [
    ...breachesOf(outcome, 1),
    ...(hangingProcesses === undefined ? [] : [`it hung: ${hangingProcesses}`]),
    ...told.filter(line => isOurs && line.startsWith('raw ')).map(line => `it threw ${line.slice(4)}`),
    ...repeated(outcome)
      .filter(name => timesRun(outcome, name) > 2)
      .map(name => `${name} ran ${timesRun(outcome, name)} times`),
  ];
}
