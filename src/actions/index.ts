/** Ready-made cleanups: the public sub-path `deferred-sweep/actions`. */
export { endProcesses, type MarkedProcesses } from './end-processes.ts';
export { type EndOptions, type SpawnOptions, spawn } from './spawn.ts';
