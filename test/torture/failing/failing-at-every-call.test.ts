/** Makes each system call on its files fail, in every scenario's program, with each error in turn. */
import { enoughPoints, walkEvery } from '../walk/every-scenario.ts';
import { errorsOf, failAt, hasFailed } from '../walk/points.ts';
import { findScenarios } from '../walk/scenario.ts';
import type { Trial } from '../walk/walk.ts';
import { judgeFailing } from './judge.ts';

/** Short writes, in the file beside this one, get the rest. */
const SHARE = 0.85;

walkEvery(await findScenarios(), {
  part: 'failing',
  share: SHARE,
  title: ['a documented code, or everything holds', 'every system call failing'],
  row: ({ name }) => name,
  how: scenario => ({
    trials: (trace, lane) =>
      enoughPoints(scenario, trace, lane).flatMap(({ call, occurrence }) =>
        errorsOf(call).map(
          (error): Trial => ({
            what: `${call} ${occurrence} fails with ${error}`,
            injections: [failAt({ call, occurrence }, error)],
          }),
        ),
      ),
    hasHit: ({ trace }, lane) => hasFailed(trace, lane.base),
    judge: judgeFailing,
  }),
});
