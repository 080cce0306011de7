import { leaveOrphans } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a worker that sweeps orphans before and after its job',
  children: 'survive',
  opensJobs: true,
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
