/** Makes each system call on its files fail, in every scenario's program, with each error in turn. */
import { aimAt, enoughPoints, walkEvery } from '../walk/every-scenario.ts';
import { errorsOf, failAt, hasFailed, type Point } from '../walk/points.ts';
import { findScenarios } from '../walk/scenario.ts';
import { judgeFailing } from './judge.ts';

/** Short writes, in the file beside this one, get the rest. */
const SHARE = 0.85;

walkEvery(await findScenarios(), {
  part: 'failing',
  share: SHARE,
  title: ['a documented code, or everything holds', 'every system call failing'],
  row: ({ name }) => name,
  how: scenario => ({
    trials(trace, lane) {
      const points = enoughPoints(scenario, trace, lane);
      return points.flatMap(point =>
        errorsOf(point.call).map(error => {
          const inject = (targets: readonly Point[]) => targets.map(target => failAt(target, error));
          const what = `${point.call} ${point.occurrence} fails with ${error}`;
          return aimAt(what, { targets: [point], inject }, points, lane);
        }),
      );
    },
    hasHit: ({ trace }, lane) => hasFailed(trace, lane.base),
    judge: judgeFailing,
  }),
});
