import { leaveOrphans } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';

const scenario: Scenario = {
  name: 'deferred-sweep sweep, its runner living on',
  children: 'survive',
  minimumPoints: 60,
  exitCodes: [0, 1, 3],
  prepare: leaveOrphans,
  run: stage => stage.commandLine('sweep', '--json', stage.base),
};
export default scenario;
