import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'a worker whose job throws',
  minimumPoints: 40,
  async run(stage) {
    const manager = stage.manager();
    const reason = new Error('of the job');
    const run = manager.run(async (_defer, job) => {
      await stage.defer(job, 'a', 'b', 'c');
      stage.allow();
      throw reason;
    });
    await stage.attempt(() =>
      run.catch((error: unknown) => {
        // The job's own error, unless there was no job.
        if (error !== reason) throw error;
      }),
    );
    await stage.never(() => manager.close());
  },
};
export default scenario;
