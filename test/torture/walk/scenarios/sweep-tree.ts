import type { Scenario } from '../scenario.ts';
import sweep from './sweep.ts';

const scenario: Scenario = {
  ...sweep,
  name: 'deferred-sweep sweep, its runner dying with it',
  children: 'die',
};
export default scenario;
