/**
 * A build whose whole tree of processes ends with the job: node execa-tree.mjs BASE
 * execa ends its children when its program exits. When that is killed, they live on; `spawn` finds them by a mark that all of
 * them inherit.
 */
import { once } from 'node:events';
import { DeferredFunctionManager } from 'deferred-sweep';
import { spawn } from 'deferred-sweep/actions';

const manager = new DeferredFunctionManager(process.argv[2]);
await manager.run(async (_defer, job) => {
  const build = spawn(job, process.execPath, [new URL('execa-build.mjs', import.meta.url).pathname], {
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  await once(build, 'exit');
});
