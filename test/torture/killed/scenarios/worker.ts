import { join } from 'node:path';
import { BEGIN, PROGRAMS } from '../programs.ts';
import type { Scenario } from '../walk.ts';

export const worker: Scenario = {
  name: "a worker's whole life",
  argv: base => [PROGRAMS, 'worker', base],
  from: base => join(base, BEGIN),
  everyThread: false,
  minimumPoints: 80,
  failing: [],
};
