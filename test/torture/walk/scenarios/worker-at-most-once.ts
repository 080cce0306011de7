import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a worker whose functions run at most once',
  minimumPoints: 40,
  isAtMostOnce: true,
  async run(stage) {
    const manager = stage.manager({ delivery: 'at-most-once' });
    const job = await stage.attempt(() => manager.open());
    await stage.defer(job, 'a', 'b', 'c');
    await stage.close(job);
    await stage.never(() => manager.close());
  },
};
export default scenario;
