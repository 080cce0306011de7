/**
 * What does finding out where a function lives add to its registration?
 * Aims: a function seen before within 15 % of `of()`, the first capture of a closure under 5 ms once V8 is warm.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { DeferredFunction, DeferredFunctionManager } from 'deferred-sweep';
import { exported, makeClosure } from './function-cases.mjs';
import { compare, printMachine } from './function-report.mjs';

printMachine();
const location = { module: new URL('./function-cases.mjs', import.meta.url).href, export: 'exported' };
const calls = 2_000;

const repeat = body => () => {
  for (let i = 0; i < calls; i++) body(i);
};

const startFirst = performance.now();
DeferredFunction.create(makeClosure(0), '/scratch');
console.log(
  `first capture of all, parser and inspector loaded in it: ${(performance.now() - startFirst).toFixed(1)} ms`,
);
const startSecond = performance.now();
DeferredFunction.create(makeClosure(1), '/scratch');
console.log(`second: ${(performance.now() - startSecond).toFixed(2)} ms\n`);

async function importText(text) {
  return await import(`data:text/javascript,${encodeURIComponent(text)}`);
}

function printTimes(what, times) {
  times.sort((a, b) => a - b);
  const [best, median, worst] = [times[0], times[times.length >> 1], times.at(-1)].map(ms => ms.toFixed(2));
  console.log(`${what}: best ${best} ms, median ${median} ms, worst ${worst} ms`);
}

function timeCapture(fn) {
  const start = performance.now();
  DeferredFunction.create(fn, 1);
  return performance.now() - start;
}

const makers = Array.from({ length: 40 }, (_, i) => `n => y => helper(n) + y + ${i}`);
const { list } = await importText(
  `const a = 1; const helper = x => x + a; export const list = [${makers.join(', ')}];`,
);
const [warmUp, ...rest] = list;
timeCapture(warmUp(1));
printTimes(
  'first capture of each closure of a script (aim: 5 ms)',
  rest.map(make => timeCapture(make(1))),
);

// V8 is asked for its list of scripts each time; scripts loaded before the first capture of all are known from that.
const unseen = [];
for (let i = 0; i < 30; i++) {
  const { make } = await importText(
    `const a = ${i}; const helper = x => x + a; export const make = n => y => helper(n) + y;`,
  );
  unseen.push(timeCapture(make(i)));
}
printTimes('first capture from a script loaded later', unseen);
console.log('');

console.log('capturing alone');
await compare(
  {
    'of(location)': repeat(() => DeferredFunction.of(location, '/scratch', { force: true })),
    'create(exported), seen before': repeat(() =>
      DeferredFunction.create(exported, '/scratch', { force: true }),
    ),
    'create(closure), a new one each time': repeat(i => DeferredFunction.create(makeClosure(i), '/scratch')),
  },
  calls,
  7,
);

const base = mkdtempSync(join(tmpdir(), 'deferred-sweep-bench-'));
const manager = new DeferredFunctionManager(base);
const job = await manager.open();
const deferCalls = 1_000;
const register = body => () => {
  for (let i = 0; i < deferCalls; i++) body(i);
};
console.log('registered in a state file');
const medians = await compare(
  {
    'defer(of(location))': register(() =>
      job.defer(DeferredFunction.of(location, '/scratch', { force: true })),
    ),
    'defer(exported), seen before': register(() => job.defer(exported, '/scratch', { force: true })),
  },
  deferCalls,
  25,
);
const [of, create] = Object.values(medians);
console.log(`seen before / of: ${(create / of).toFixed(3)} (aim: 1.15)`);
// The job is not closed: that would run everything that was registered.
rmSync(base, { recursive: true });
