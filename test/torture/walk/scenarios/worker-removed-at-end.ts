import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a worker whose file is removed before the end of its job, where a function fails',
  minimumPoints: 40,
  attempts: 2,
  async run(stage) {
    const manager = stage.manager({ maxAttempts: 2 });
    const job = await stage.attempt(() => manager.open());
    await stage.defer(job, 'a');
    if (job) await stage.deferFailing(job, 'fails');
    stage.expose(job, 'a', 'fails');
    // It notices at the end, and leaves what failed in a fresh file, or says that it cannot.
    const own = await stage.close(job);
    if (own && !own.error) stage.saved('a', 'fails');
    await stage.never(() => manager.close());
  },
};
export default scenario;
