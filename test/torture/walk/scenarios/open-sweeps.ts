import type { Scenario } from '../scenario.ts';
import { leaveOrphans } from './sweep-in-place.ts';

const scenario: Scenario = {
  name: 'a worker that sweeps orphans before and after its job',
  minimumPoints: 70,
  prepare: leaveOrphans,
  async run(stage) {
    const manager = stage.manager();
    const job = await stage.attempt(() => manager.open());
    await stage.defer(job, 'of-the-job');
    await stage.close(job);
    await stage.never(() => manager.close());
  },
};
export default scenario;
