import type { Scenario } from '../scenario.ts';
import worker from './worker.ts';

const scenario: Scenario = { ...worker, name: `${worker.name}, swept all the time`, isBesieged: true };
export default scenario;
