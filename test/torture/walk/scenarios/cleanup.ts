import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'deferred-sweep cleanup of a function that fails',
  children: 'survive',
  minimumPoints: 60,
  attempts: 3,
  exitCodes: [0, 1, 3],
  async prepare(stage) {
    const job = await stage.manager().open();
    await stage.defer(job, 'a');
    await stage.deferFailing(job, 'fails');
    await stage.defer(job, 'b');
    stage.die();
  },
  run: stage => stage.commandLine('cleanup', '--json', stage.base),
};
export default scenario;
