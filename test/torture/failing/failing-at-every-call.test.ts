/** Makes each system call on its files fail, in every scenario's program, with each error in turn. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { straceMissing } from '../../helpers/strace.ts';
import { timeFor } from '../budget.ts';
import { isOurs, pointsOf } from '../walk/points.ts';
import { findScenarios } from '../walk/scenario.ts';
import { type Trial, walk } from '../walk/walk.ts';
import { judgeFailing } from './judge.ts';

const ERRORS = 'EIO ENOSPC EDQUOT EMFILE ENFILE EINTR ENOLCK ESTALE EACCES EROFS ENOMEM'.split(' ');
/** Short writes, in the file beside this one, get the rest. */
const SHARE = 0.85;

/** The limit on processes is an error of clone(2) alone. */
function errorsOf(call: string): string[] {
  return call.startsWith('clone') || call.endsWith('fork') ? [...ERRORS, 'EAGAIN'] : ERRORS;
}

const found = await findScenarios();
const startMs = performance.now();

for (const [index, one] of found.entries()) {
  const { scenario } = one;
  test(`a documented code, or everything holds: ${scenario.name}, every system call failing`, {
    skip: straceMissing,
  }, async context => {
    await walk(context, one, {
      part: 'failing',
      row: scenario.name,
      untilMs: startMs + (timeFor('failing') * SHARE * (index + 1)) / found.length,
      trials(trace, lane) {
        const points = pointsOf(trace, lane.base);
        assert.ok(points.length >= scenario.minimumPoints, `only ${points.length} points`);
        return points.flatMap(({ call, occurrence }) =>
          errorsOf(call).map(
            (error): Trial => ({
              what: `${call} ${occurrence} fails with ${error}`,
              inject: `${call}:error=${error}:when=${occurrence}`,
            }),
          ),
        );
      },
      hasHit: (ended, lane) =>
        ended.trace.some(line => line.endsWith('(INJECTED)') && isOurs(line, lane.base)),
      judge: judgeFailing,
    });
  });
}
