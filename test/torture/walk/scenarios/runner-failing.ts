import { leaveFailing } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';
import sweep from './sweep.ts';

const scenario: Scenario = {
  ...sweep,
  name: 'the runner of functions that fail',
  victim: 'runner',
  attempts: 3,
  minimumPoints: 30,
  prepare: stage => leaveFailing(stage, 0),
};
export default scenario;
