import { sweep } from '#dist/index.js';
import { leaveOrphans } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a sweep that waits for another one',
  children: 'survive',
  minimumPoints: 60,
  prepare: leaveOrphans,
  async run(stage) {
    // A lock belongs to the descriptor: two sweeps of one process exclude each other as those of two do.
    await Promise.all([
      stage.attempt(() => sweep(stage.base, { logger: null })),
      stage.attempt(() => sweep(stage.base, { logger: null, waitMs: 30_000 })),
    ]);
  },
};
export default scenario;
