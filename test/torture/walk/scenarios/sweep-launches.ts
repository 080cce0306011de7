import { sweep } from '#dist/index.js';
import { leaveLaunches } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a sweep of five files with three launches, two runners at a time',
  children: 'survive',
  minimumPoints: 90,
  prepare: leaveLaunches,
  async run(stage) {
    await stage.attempt(() => sweep(stage.base, { logger: null, concurrency: 2 }));
  },
};
export default scenario;
