/**
 * How much memory do a sweep, its runner and a listing take at most? Linux: VmHWM of proc_pid_status(5).
 * node bench/sweep-memory.mjs [CHECKOUT...], after `npm run build` in each; without one, of this checkout.
 */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { printMachine } from './function-report.mjs';
import { makeOrphans, plainEnvironment } from './orphans.mjs';

const SWEEPER = fileURLToPath(new URL('sweeper.mjs', import.meta.url));
const HOOK = fileURLToPath(new URL('tell-peak.cjs', import.meta.url));

const cases = {
  'one function': {},
  'a file of 10 MB, one function with a list of 1,000,000 texts': { values: 1_000_000 },
  'a file of 10 MB, many functions': { functions: 35_000 },
  "one dead owner's 100,000 functions": { functions: 100_000 },
  '10,000 orphans': { files: 10_000 },
  '100,000 orphans': { files: 100_000 },
};
const builds =
  process.argv.length > 2 ? process.argv.slice(2) : [fileURLToPath(new URL('..', import.meta.url))];

printMachine();
for (const [what, options] of Object.entries(cases)) {
  console.log(what);
  for (const build of builds) measure(build, options);
}

function measure(build, options) {
  const base = makeOrphans(build, { ...options, execArgv: ['--require', HOOK] });
  const directory = join(base, 'deferred');
  const [name] = readdirSync(directory);
  const megabytes = (statSync(join(directory, name)).size / 1e6).toFixed(1);
  const peaks = {};
  for (const verb of ['list', 'sweep']) {
    const tells = join(base, `${verb}-peaks`);
    const { status, stderr } = spawnSync(process.execPath, [SWEEPER, build, base, verb], {
      encoding: 'utf8',
      env: { ...plainEnvironment(), TELL_PEAK: tells },
    });
    if (status !== 0) throw new Error(stderr);
    for (const line of readFileSync(tells, 'utf8').trim().split('\n')) {
      const [who, kilobytes] = line.split(' ');
      const key = who === 'runner' ? who : verb;
      peaks[key] = Math.max(peaks[key] ?? 0, Math.round(Number(kilobytes) / 1024));
    }
  }
  const ran = statSync(join(base, 'ledger')).size;
  const shown = Object.entries(peaks).map(([who, peak]) => `${who} ${peak} MiB`);
  console.log(`  ${build}: ${megabytes} MB a file, ${ran} ran; at most: ${shown.join(', ')}`);
  rmSync(base, { recursive: true });
}
