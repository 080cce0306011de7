import { test } from 'node:test';
import { canInject } from './kill-points.ts';
import { cleanupInPlace, cleanupIsolated } from './scenarios/sweeper.ts';
import { worker } from './scenarios/worker.ts';
import { walk } from './walk.ts';

const skip = canInject ? false : 'strace is missing: nothing was killed at any system call';

for (const scenario of [worker, cleanupInPlace, cleanupIsolated]) {
  test(`nothing is lost, repeated or left behind: ${scenario.name}, killed at every system call`, {
    skip,
  }, context => {
    context.diagnostic(`${walk(scenario)} points tried`);
  });
}
