/**
 * Is this checkout slower than another one? Registers, runs, scans and sweeps with both by turns.
 * node bench/compare-builds.mjs OTHER_CHECKOUT [CASE...], after `npm run build` in both. ROUNDS=N, 7 by default.
 * With TMPDIR=/dev/shm no disk takes part.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printMachine } from './function-report.mjs';
import { makeOrphans, plainEnvironment } from './orphans.mjs';

const CASE = fileURLToPath(new URL('build-case.mjs', import.meta.url));
const HERE = fileURLToPath(new URL('..', import.meta.url));
const ROUNDS = Number(process.env.ROUNDS ?? 7);

/** name → the orphans of a sweep, or nothing for what a process does alone, warmed up. */
const cases = {
  'register, us a function': undefined,
  'own run, us a function': undefined,
  'scan, us a live file': undefined,
  'sweep 1 orphan of 1 function, ms': { files: 1 },
  'sweep 1,000 orphans of 1 function, ms': { files: 1000 },
  'sweep 1 orphan of 10,000 functions, ms': { functions: 10_000 },
  'sweep 10,000 orphans of 1 function, ms': { files: 10_000 },
};

const [other, ...chosen] = process.argv.slice(2);
if (other === undefined) throw new Error('name another checkout');
printMachine();
console.log(`${'best / median of'.padEnd(40)} ${'other'.padStart(17)} ${'here'.padStart(17)}   here / other`);
for (const [name, orphans] of Object.entries(cases))
  if (chosen.length === 0 || chosen.some(part => name.startsWith(part))) compare(name, orphans);

/** By turns, so that a slow moment of the machine hits both. The first round is thrown away. */
function compare(name, orphans) {
  const times = { [other]: [], [HERE]: [] };
  for (let round = 0; round <= ROUNDS; round++) {
    for (const build of round % 2 === 0 ? [other, HERE] : [HERE, other]) {
      const time = measure(build, name, orphans);
      if (round > 0) times[build].push(time);
    }
  }
  const [before, now] = [other, HERE].map(build => {
    const sorted = times[build].sort((a, b) => a - b);
    return [sorted[0], sorted[sorted.length >> 1]];
  });
  const show = pair =>
    pair
      .map(value => value.toFixed(1))
      .join(' / ')
      .padStart(17);
  const ratios = [0, 1].map(index => (now[index] / before[index]).toFixed(2)).join(' / ');
  console.log(`${name.padEnd(40)} ${show(before)} ${show(now)}   ${ratios}`);
}

function measure(build, name, orphans) {
  const base = makeOrphans(build, orphans ?? { functions: 0 });
  const { status, stdout, stderr } = spawnSync(process.execPath, [CASE, build, base, name.split(',')[0]], {
    encoding: 'utf8',
    env: plainEnvironment(),
  });
  if (status !== 0) throw new Error(`${build}, ${name}: ${stderr}`);
  if (orphans) {
    const ran = readFileSync(join(base, 'ledger')).length;
    const expected = (orphans.files ?? 1) * (orphans.functions ?? 1);
    if (ran !== expected) throw new Error(`${build}, ${name}: ${ran} of ${expected} functions ran`);
  }
  rmSync(base, { recursive: true });
  return Number(stdout);
}
