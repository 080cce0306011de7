import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: "a worker's whole life",
  minimumPoints: 100,
  async run(stage) {
    const manager = stage.manager();
    for (const number of [1, 2]) {
      const job = await stage.attempt(() => manager.open());
      await stage.defer(job, `${number}.a`, `${number}.b`);
      await stage.cancel(await stage.defer(job, `${number}.cancelled`), `${number}.cancelled`);
      const early = await stage.defer(job, `${number}.early`);
      await stage.defer(job, `${number}.c`);
      stage.allow(`${number}.early`);
      await stage.attempt(() => early?.run());
      await stage.close(job);
    }
    await stage.never(() => manager.close());
  },
};
export default scenario;
