/**
 * What one own function costs: registered, run at the end of its job with both marks. Compares builds, alternating in one run.
 * `node bench/own-functions.mjs [DIRECTORY-OF-ANOTHER-BUILD…]`, each a checkout that is built. The floor is two writes of a
 * mark's size.
 */
import { closeSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { cpus, release, tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const FUNCTIONS = 2000;
const ROUNDS = Number(process.env.ROUNDS ?? 30);
const here = fileURLToPath(new URL('..', import.meta.url));
const builds = await Promise.all(
  [here, ...process.argv.slice(2)].map(async directory => {
    const { DeferredFunctionManager } = await import(
      pathToFileURL(join(resolve(directory), 'dist/index.js'))
    );
    return { name: directory, DeferredFunctionManager, registering: [], running: [] };
  }),
);
const place = mkdtempSync(join(process.env.PLACE ?? tmpdir(), 'own-functions-'));
const floor = [];

// In a module of its own: this one is being evaluated until the end.
const self = { module: new URL('./nothing.mjs', import.meta.url).href, export: 'nothing' };

async function round({ DeferredFunctionManager, registering, running }, index) {
  const { DeferredFunction } = await import(
    pathToFileURL(join(resolve(builds[index].name), 'dist/index.js'))
  );
  const manager = new DeferredFunctionManager(join(place, String(index)), { logger: null });
  const job = await manager.open({ sweep: 'none' });
  const deferred = DeferredFunction.of(self);
  const start = performance.now();
  for (let i = 0; i < FUNCTIONS; i++) job.defer(deferred);
  const middle = performance.now();
  await job.close();
  running.push(((performance.now() - middle) * 1000) / FUNCTIONS);
  registering.push(((middle - start) * 1000) / FUNCTIONS);
  await manager.close();
}

function floorRound() {
  const fd = openSync(join(place, 'floor'), 'w');
  const mark = Buffer.alloc(110, 1);
  const start = performance.now();
  for (let i = 0; i < FUNCTIONS; i++) {
    writeSync(fd, mark);
    writeSync(fd, mark);
  }
  floor.push(((performance.now() - start) * 1000) / FUNCTIONS);
  closeSync(fd);
}

try {
  for (let i = 0; i < ROUNDS + 5; i++) {
    floorRound();
    for (const [index, build] of builds.entries()) await round(build, index);
    // The first rounds warm up.
    if (i === 4)
      for (const list of [floor, ...builds.flatMap(b => [b.registering, b.running])]) list.length = 0;
  }
} finally {
  rmSync(place, { recursive: true, force: true });
}
console.log(`Node ${process.version}, ${cpus()[0]?.model}, Linux ${release()}, ${place}`);
console.log('µs a function: best / median');
console.log(`two writes                 ${show(floor)}`);
for (const { name, registering, running } of builds) {
  console.log(`register                   ${show(registering)}   ${name}`);
  console.log(`run, marks included        ${show(running)}   ${name}`);
}

function show(list) {
  const sorted = [...list].sort((a, b) => a - b);
  return [sorted[0], sorted[sorted.length >> 1]].map(us => us.toFixed(1).padStart(6)).join(' / ');
}
