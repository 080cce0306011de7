/** How much memory do a sweep, its runner and a listing take at most? Linux: VmHWM of proc_pid_status(5). */
import { spawnSync } from 'node:child_process';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { programOf } from '../harness.mjs';
import { makeOrphans } from '../orphans.mjs';

export const about = {
  title: 'Memory of a sweep',
  unit: 'MiB',
  axis: 'orphans of one function each',
  text: 'The most that each process had. With `--full` also 100,000 orphans, and files of 10 MB.',
  aims: look => [
    look.added('peak memory, 1,000 to 100,000 orphans', {
      whos: ['deferred-sweep, sweep', 'deferred-sweep, its runner'],
      from: 1000,
      to: 100_000,
      aim: '+ 60 MiB',
    }),
  ],
};

const ORPHANS = [1, 100, 1000, 10_000];
const LARGE = {
  'a file of 10 MB, one function with 1,000,000 texts': { values: 1_000_000 },
  'a file of 10 MB, 35,000 functions': { functions: 35_000 },
  "one dead owner's 100,000 functions": { functions: 100_000 },
};
const HOOK = programOf('tell-peak.cjs');

export async function measure(run) {
  for (const files of run.isBrief ? [1] : run.isFull ? [...ORPHANS, 100_000] : ORPHANS) {
    run.add('node -e 0', [peakOfNode(run)], files);
    for (const build of run.builds) measurePeaks(run, build, files, { files });
  }
  if (run.isFull)
    for (const [what, options] of Object.entries(LARGE))
      for (const build of run.builds) measurePeaks(run, build, what, options);
}

function measurePeaks(run, { name, directory: build }, size, options) {
  const base = run.fresh();
  makeOrphans(build, base, { ...options, execArgv: ['--require', HOOK] });
  for (const verb of ['list', 'sweep']) {
    const peaks = peaksOf(base, [programOf('sweeper.mjs'), build, base, verb]);
    run.add(`${name}, ${verb}`, [peaks.sweeper], size);
    if (peaks.runner) run.add(`${name}, its runner`, [peaks.runner], size);
  }
  rmSync(base, { recursive: true });
}

function peakOfNode(run) {
  return peaksOf(run.fresh(), ['--require', HOOK, '-e', '0']).sweeper;
}

/** `{ sweeper, runner }`: the most memory of each, in MiB. */
function peaksOf(directory, argv) {
  const told = join(directory, 'peaks');
  rmSync(told, { force: true });
  const env = { ...process.env, TELL_PEAK: told };
  const { status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8', env });
  if (status !== 0) throw new Error(stderr);
  const peaks = {};
  for (const line of readFileSync(told, 'utf8').trim().split('\n')) {
    const [who, kilobytes] = line.split(' ');
    peaks[who] = Math.max(peaks[who] ?? 0, Number(kilobytes) / 1024);
  }
  return peaks;
}
