import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a worker that defers closures',
  minimumPoints: 40,
  async run(stage) {
    const manager = stage.manager();
    const job = await stage.attempt(() => manager.open());
    const { ledger } = stage;
    for (const name of ['a', 'b']) {
      await stage.register(name, () =>
        job?.defer(async () => (await import('node:fs')).appendFileSync(ledger, `${name} closure\n`)),
      );
    }
    await stage.close(job);
    await stage.never(() => manager.close());
  },
};
export default scenario;
