import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a worker with durability on disk, OFD locks, last in first out',
  minimumPoints: 50,
  async run(stage) {
    const manager = stage.manager({ durability: 'disk', lock: 'ofd', order: 'lifo' });
    const job = await stage.attempt(() => manager.open());
    await stage.defer(job, 'a', 'b');
    await stage.cancel(await stage.defer(job, 'cancelled'), 'cancelled');
    await stage.close(job);
    await stage.never(() => manager.close());
  },
};
export default scenario;
