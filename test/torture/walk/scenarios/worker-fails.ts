import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a worker one of whose functions fails',
  minimumPoints: 40,
  attempts: 2,
  async run(stage) {
    const manager = stage.manager({ maxAttempts: 2 });
    const job = await stage.attempt(() => manager.open());
    await stage.defer(job, 'a');
    if (job) await stage.deferFailing(job, 'fails');
    await stage.defer(job, 'b');
    await stage.close(job);
    await stage.never(() => manager.close());
  },
};
export default scenario;
