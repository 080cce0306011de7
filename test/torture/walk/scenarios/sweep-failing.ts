import { sweep } from '#dist/index.js';
import { leaveFailing } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'two sweeps of functions that fail, the second at once',
  children: 'survive',
  minimumPoints: 80,
  attempts: 3,
  prepare: stage => leaveFailing(stage, 0),
  async run(stage) {
    for (let sweeps = 0; sweeps < 2; sweeps++) await stage.attempt(() => sweep(stage.base, { logger: null }));
  },
};
export default scenario;
