import { DeferredFunctionManager } from '#dist/index.js';
import type { Scenario } from '../scenario.ts';
import { leaveOrphans } from './sweep-in-place.ts';

const scenario: Scenario = {
  name: 'cleanupWorker, isolated',
  children: 'survive',
  minimumPoints: 40,
  prepare: leaveOrphans,
  async run(stage) {
    await stage.attempt(() => DeferredFunctionManager.cleanupWorker(stage.base, { logger: null }));
  },
};
export default scenario;
