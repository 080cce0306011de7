// Measures one thing with one build and prints the time. argv: build, base, case.
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { pathToFileURL } from 'node:url';

const [build, base, what] = process.argv.slice(2);
const { DeferredFunction, DeferredFunctionManager, sweep } = await import(
  pathToFileURL(join(build, 'dist/index.js'))
);
const options = { logger: null };
const append = { module: 'node:fs', export: 'appendFileSync' };
const CALLS = 2000;
const LIVE_FILES = 400;

const measures = { register, 'own run': ownRun, scan };
console.log(await (measures[what] ?? sweepOnce)());

/** One sweep of a process that has done nothing else. */
async function sweepOnce() {
  const start = performance.now();
  await sweep(base, options);
  return performance.now() - start;
}

async function register() {
  return (await jobs()).register;
}

async function ownRun() {
  return (await jobs()).run;
}

/** The last of four jobs, in microseconds a function. */
async function jobs() {
  const manager = new DeferredFunctionManager(base, options);
  const times = {};
  for (let round = 0; round < 4; round++) {
    const job = await manager.open();
    const start = performance.now();
    for (let call = 0; call < CALLS; call++)
      job.defer(DeferredFunction.of(append, join(base, 'ledger'), '.'));
    const registered = performance.now();
    await job.close();
    times.register = ((registered - start) * 1000) / CALLS;
    times.run = ((performance.now() - registered) * 1000) / CALLS;
  }
  await manager.close();
  return times;
}

/** Sweeps that find only live files. */
async function scan() {
  const manager = new DeferredFunctionManager(base, options);
  const open = await Promise.all(Array.from({ length: LIVE_FILES }, () => manager.open()));
  for (const job of open) job.defer(DeferredFunction.of(append, join(base, 'ledger'), '.'));
  let best = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    const start = performance.now();
    const { live } = await sweep(base, options);
    if (live !== LIVE_FILES) throw new Error(`${live} live files`);
    best = Math.min(best, performance.now() - start);
  }
  process.stdout.write(`${(best * 1000) / LIVE_FILES}\n`);
  process.exit();
}
