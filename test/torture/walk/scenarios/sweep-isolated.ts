import type { Scenario } from '../scenario.ts';
import { leaveOrphans } from './sweep-in-place.ts';

const scenario: Scenario = {
  name: 'deferred-sweep sweep, its runner living on',
  children: 'survive',
  minimumPoints: 40,
  exitCodes: [0, 1, 3],
  prepare: leaveOrphans,
  run: stage => stage.commandLine('sweep', '--json', stage.base),
};
export default scenario;
