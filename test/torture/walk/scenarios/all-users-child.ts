import { leaveOrphans } from '../orphans.ts';
import type { Scenario } from '../scenario.ts';
import { USER } from './all-users.ts';

const scenario: Scenario = {
  name: "a user's sweep that root started",
  victim: 'user',
  user: USER,
  children: 'survive',
  minimumPoints: 40,
  prepare: leaveOrphans,
  run: stage => stage.sweepUser(USER),
};
export default scenario;
