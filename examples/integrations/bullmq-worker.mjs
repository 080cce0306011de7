/**
 * A BullMQ worker whose jobs have a scratch directory each: REDIS_URL=… node bullmq-worker.mjs BASE
 * BullMQ gives the job of a killed worker to another one as a second attempt. What the first attempt left is swept when that
 * worker opens its first job.
 */
import { randomUUID } from 'node:crypto';
import { promises } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { Worker } from 'bullmq';
import { DeferredFunctionManager } from 'deferred-sweep';

const base = process.argv[2];
const manager = new DeferredFunctionManager(base);

const worker = new Worker(
  'render',
  ({ id, data }) =>
    manager.run(async defer => {
      // Not the id of the job: a second attempt would meet the cleanup of the first.
      const scratch = join(base, `scratch-${id}-${randomUUID()}`);
      defer(promises.rm, scratch, { recursive: true, force: true });
      await promises.mkdir(scratch);
      console.log(`began ${scratch}`);
      return { rendered: (await whenThere(data.input)).toUpperCase() };
    }),
  {
    connection: { url: process.env.REDIS_URL, maxRetriesPerRequest: null },
    lockDuration: 15_000, // how long a dead worker keeps its job
    stalledInterval: 1_000,
  },
);
worker.on('completed', (_job, { rendered }) => console.log(`completed ${rendered}`));
worker.on('failed', (_job, error) => console.log(`failed ${error.message}`));
process.once('SIGTERM', () => worker.close().then(() => manager.close()));

/** The text of a file that may not be there yet. */
async function whenThere(path) {
  for (;;) {
    const text = await promises.readFile(path, 'utf8').catch(() => undefined);
    if (text !== undefined) return text;
    await setTimeout(50);
  }
}
