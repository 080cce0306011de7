/** Makes each system call on its files fail, in every scenario's program, with each error in turn. */
import { enoughPoints, walkEvery } from '../walk/every-scenario.ts';
import { isOurs } from '../walk/points.ts';
import { findScenarios } from '../walk/scenario.ts';
import type { Trial } from '../walk/walk.ts';
import { judgeFailing } from './judge.ts';

const ERRORS = 'EIO ENOSPC EDQUOT EMFILE ENFILE EINTR ENOLCK ESTALE EACCES EROFS ENOMEM'.split(' ');
/** Short writes, in the file beside this one, get the rest. */
const SHARE = 0.85;

/** The limit on processes is an error of clone(2) alone. */
function errorsOf(call: string): string[] {
  return call.startsWith('clone') || call.endsWith('fork') ? [...ERRORS, 'EAGAIN'] : ERRORS;
}

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
            inject: `${call}:error=${error}:when=${occurrence}`,
          }),
        ),
      ),
    hasHit: (ended, lane) => ended.trace.some(line => line.endsWith('(INJECTED)') && isOurs(line, lane.base)),
    judge: judgeFailing,
  }),
});
