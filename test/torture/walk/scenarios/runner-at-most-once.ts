import type { Scenario } from '../scenario.ts';
import runner from './runner.ts';

const scenario: Scenario = {
  ...runner,
  name: 'the runner of functions that run at most once',
  isAtMostOnce: true,
  minimumPoints: 12,
  async prepare(stage) {
    const job = await stage.manager({ delivery: 'at-most-once' }).open();
    await stage.defer(job, 'a', 'b');
    stage.die();
  },
};
export default scenario;
