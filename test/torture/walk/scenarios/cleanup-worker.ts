import { DeferredFunctionManager } from '#dist/index.js';
import { leaveOrphans } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'cleanupWorker',
  children: 'survive',
  minimumPoints: 40,
  prepare: leaveOrphans,
  async run(stage) {
    await stage.attempt(() => DeferredFunctionManager.cleanupWorker(stage.base, { logger: null }));
  },
};
export default scenario;
