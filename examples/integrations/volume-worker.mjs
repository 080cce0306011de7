/**
 * A worker in a container whose jobs are kept on a volume: node volume-worker.mjs VOLUME
 * Containers have pid namespaces of their own, in which each may be pid 1. That does not matter: a lock says who lives.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { promises } from 'node:fs';
import { join } from 'node:path';
import { DeferredFunctionManager } from 'deferred-sweep';

const volume = process.argv[2];
const manager = new DeferredFunctionManager(join(volume, 'state'), { label: process.env.CONTAINER });
await manager.run(async (defer, job) => {
  const scratch = join(volume, `scratch-${randomUUID()}`);
  defer(promises.rm, scratch, { recursive: true, force: true });
  await promises.mkdir(scratch);
  const { live, ok } = job.sweepReport;
  console.log(`pid ${process.pid} works; found ${live} live, ran ${ok}`);
  await once(process.stdin.resume(), 'end'); // the long part of the work
});
await manager.close();
