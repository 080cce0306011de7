import { test } from 'node:test';
import { straceMissing } from '../../helpers/strace.ts';
import { cleanupInPlace, cleanupIsolated } from './scenarios/sweeper.ts';
import { worker } from './scenarios/worker.ts';
import { walk } from './walk.ts';

const SCENARIOS = [worker, cleanupInPlace, cleanupIsolated];

for (const scenario of SCENARIOS) {
  test(`nothing is lost, repeated or left behind: ${scenario.name}, killed at every system call`, {
    skip: straceMissing,
  }, context => {
    context.diagnostic(`${walk(scenario, 1 / SCENARIOS.length)} points tried`);
  });
}
