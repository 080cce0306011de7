import { leaveOrphans } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';

/** A number that no other test uses. */
export const USER = 51_011;

const scenario: Scenario = {
  name: 'root: deferred-sweep sweep --all-users',
  user: USER,
  children: 'survive',
  appendsNothing: true,
  exitCodes: [0, 1, 3],
  minimumPoints: 5,
  prepare: leaveOrphans,
  run: stage => stage.commandLine('sweep', '--json', '--all-users', stage.root, '--user', String(USER)),
};
export default scenario;
