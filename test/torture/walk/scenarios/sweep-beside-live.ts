import { sweep } from '#dist/index.js';
import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'sweeps beside a live job',
  minimumPoints: 80,
  async run(stage) {
    const manager = stage.manager();
    const job = await stage.attempt(() => manager.open({ sweep: 'none' }));
    // The second sweep of each two finds the file as it was. A lock belongs to the descriptor, so it is another's to a sweep.
    for (const name of ['a', 'b']) {
      await stage.defer(job, name);
      for (let sweeps = 0; sweeps < 2; sweeps++)
        await stage.attempt(() => sweep(stage.base, { logger: null }));
    }
    await stage.close(job);
    await stage.never(() => manager.close());
  },
};
export default scenario;
