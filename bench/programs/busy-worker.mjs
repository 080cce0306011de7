// Opens and closes jobs at an even pace until its parent is gone; each makes a file and removes it. argv: build, base, jobs a minute.
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { nothing } from './functions.mjs';

const [build, base, jobsAMinute] = process.argv.slice(2);
const { DeferredFunctionManager } = await import(pathToFileURL(join(build, 'dist/index.js')));
process.on('disconnect', () => process.exit());
process.send('at work');
for (let next = performance.now(); ; next += 60_000 / Number(jobsAMinute)) {
  await sleep(Math.max(0, next - performance.now()));
  const manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  job.defer(nothing);
  await job.close();
  await manager.close();
}
