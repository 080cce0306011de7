import type { Scenario } from '../scenario.ts';
import sweep from './sweep.ts';

const scenario: Scenario = {
  ...sweep,
  name: 'the runner of deferred-sweep sweep',
  victim: 'runner',
  minimumPoints: 30,
};
export default scenario;
