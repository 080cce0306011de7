import type { Scenario } from '../scenario.ts';
import sweepIsolated from './sweep-isolated.ts';

const scenario: Scenario = {
  ...sweepIsolated,
  name: 'deferred-sweep sweep, its runner dying with it',
  children: 'die',
};
export default scenario;
