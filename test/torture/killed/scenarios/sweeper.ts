import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { PROGRAMS } from '../programs.ts';
import { CLI, type Scenario } from '../walk.ts';

const common = {
  prepare: (base: string): void => void spawnSync(process.execPath, [PROGRAMS, 'orphan', base]),
  from: (base: string): string => join(base, 'deferred'),
  failing: ['readFileSync'],
};

export const cleanupInPlace: Scenario = {
  ...common,
  name: 'cleanup, in place',
  argv: base => [CLI, 'cleanup', '--isolation', 'none', base],
  everyThread: false,
  minimumPoints: 60,
};

export const cleanupIsolated: Scenario = {
  ...common,
  name: 'cleanup, isolated, and its runner',
  argv: base => [CLI, 'cleanup', '--isolation', 'process', base],
  everyThread: true,
  minimumPoints: 100,
};
