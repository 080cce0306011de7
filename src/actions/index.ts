/** Ready-made cleanups, and ways to make things whose cleanup is registered first: the public sub-path `deferred-sweep/actions`. */
import '../refuse-old-node.ts'; // the first

export { endProcesses, type MarkedProcesses } from './end-processes.ts';
export {
  identifyProcess,
  type KillProcessOptions,
  killProcess,
  type ProcessIdentity,
} from './kill-process.ts';
export { identifyPath, type RemovePathOptions, removePath } from './remove-path.ts';
export { type RequestUrlOptions, requestUrl } from './request-url.ts';
export { runCommand } from './run-command.ts';
export { type EndOptions, type SpawnOptions, spawn } from './spawn.ts';
export { type TemporaryDirectoryOptions, temporaryDirectory } from './temporary-directory.ts';
