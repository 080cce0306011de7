import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'giving up what must not run twice and was interrupted',
  children: 'survive',
  minimumPoints: 35,
  isAtMostOnce: true,
  exitCodes: [0, 1, 3],
  async prepare(stage) {
    const job = await stage.manager({ delivery: 'at-most-once' }).open();
    await stage.deferDying(job, 'died');
    await stage.defer(job, 'a');
    await job.close();
  },
  run: stage => stage.commandLine('sweep', '--json', stage.base),
};
export default scenario;
