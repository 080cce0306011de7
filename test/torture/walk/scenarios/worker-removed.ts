import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a worker whose file is removed under it',
  minimumPoints: 50,
  async run(stage) {
    const manager = stage.manager();
    const job = await stage.attempt(() => manager.open());
    await stage.defer(job, 'a', 'b');
    await stage.cancel(await stage.defer(job, 'cancelled'), 'cancelled');
    // The last one, too: to cancel it may have failed.
    const exposed = ['a', 'b', 'cancelled'];
    stage.expose(job, ...exposed);
    // It notices, and writes all into a fresh file.
    if (await stage.defer(job, 'c')) stage.saved(...exposed);
    await stage.defer(job, 'd');
    await stage.close(job);
    stage.saved(...exposed);
    await stage.never(() => manager.close());
  },
};
export default scenario;
