import type { Scenario } from '../scenario.ts';
import sweepIsolated from './sweep-isolated.ts';

const scenario: Scenario = {
  ...sweepIsolated,
  name: 'the runner of deferred-sweep sweep',
  victim: 'runner',
  minimumPoints: 20,
};
export default scenario;
