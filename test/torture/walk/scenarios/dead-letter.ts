import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: "a dead letter's move",
  children: 'survive',
  minimumPoints: 40,
  attempts: 1,
  exitCodes: [0, 1, 3],
  async prepare(stage) {
    const job = await stage.manager({ maxAttempts: 1 }).open();
    await stage.deferFailing(job, 'fails');
    await stage.defer(job, 'a');
    await stage.deferFailing(job, 'fails-too');
    stage.die();
  },
  run: stage => stage.commandLine('sweep', '--json', stage.base),
};
export default scenario;
