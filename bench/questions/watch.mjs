/**
 * How long from the SIGKILL of an owner until `watch` has claimed its file, and until its function runs; alone, and beside
 * 1,000 live files and 2,000 jobs a minute? How much does the watcher use when nothing happens?
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, fstatSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { claimedAt } from '../claimed-at.mjs';
import { cpuOf } from '../cpu-of.mjs';
import { kill, liveOwners, start } from '../live.mjs';

const ALONE = 'alone';
const BUSY = 'beside 1,000 live files and 2,000 jobs a minute';

export const about = {
  title: 'From the death of an owner to its function, under `watch`',
  unit: 'ms',
  text: 'An owner is killed with SIGKILL. A plain owner: the runner that `watch` keeps ready runs its function.',
  aims: look => [
    look.below('SIGKILL to the function, median', {
      who: 'to the function',
      size: ALONE,
      aim: 'median ≤ 50 ms',
    }),
    look.below('SIGKILL to the function, p99', { who: 'to the function, p99', size: ALONE, aim: '≤ 150 ms' }),
  ],
};

/** A death that nothing follows is a finding, not a slow machine. */
const PATIENCE_MS = 30_000;
/** Until the watcher and the runner that it keeps ready are up. */
const START_MS = 3000;
/** Until the watcher has seen a new owner. */
const SETTLE_MS = 300;

export async function measure(run) {
  const deaths = run.count(50, 3);
  // Jobs that sweep would run the orphans themselves.
  const env = { ...process.env, DEFERRED_SWEEP_INSIDE: '1' };
  for (const [index, { directory: build }] of run.builds.entries()) {
    const base = run.fresh();
    const children = [await watcher(build, base)];
    try {
      const size = name => (index === 0 ? name : `${name}, ${build}`);
      await measureDeaths(run, size(ALONE), { build, base, deaths, env });
      if (run.isBrief) continue;
      children.push(await liveOwners(build, base, 1000));
      children.push(await start('busy-worker.mjs', [build, base, '2000'], { env }));
      await sleep(START_MS);
      await measureDeaths(run, size(BUSY), { build, base, deaths, env });
      await measureIdle(run, size(`${BUSY}, no deaths`), children[0].pid);
      await kill(children.pop());
      await kill(children.pop());
      await sleep(START_MS);
      await measureIdle(run, size('nothing happens'), children[0].pid);
    } finally {
      for (const child of children) await kill(child);
    }
  }
}

async function watcher(build, base) {
  const argv = [join(build, 'dist/cli/main.js'), 'watch', '--quiet', base];
  const child = spawn(process.execPath, argv, { stdio: 'inherit' });
  process.on('exit', () => child.kill('SIGKILL'));
  await once(child, 'spawn');
  await sleep(START_MS);
  return child;
}

async function measureDeaths(run, size, circumstances) {
  const times = [];
  for (let n = 0; n < circumstances.deaths; n++) times.push(await death(n, circumstances));
  for (const [what, key] of [
    ['to the claim', 'claimed'],
    ['to the function', 'ran'],
  ]) {
    const all = times.map(time => time[key]).sort((a, b) => a - b);
    run.add(what, all, size);
    run.add(`${what}, p99`, [all[Math.floor(0.99 * all.length)]], size);
  }
}

async function death(n, { build, base, env }) {
  const started = join(base, `started-${n}`);
  const owner = await start('watched-owner.mjs', [build, base, started], { env });
  const fd = openSync(owner.said, 'r');
  await sleep(SETTLE_MS);
  const killedAt = Date.now();
  owner.kill('SIGKILL');
  while (!existsSync(started) || readFileSync(started).length === 0) {
    if (Date.now() > killedAt + PATIENCE_MS) throw new Error(`no function of ${owner.said} was run`);
    await sleep(5);
  }
  const bytes = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, bytes, 0, bytes.length, 0);
  closeSync(fd);
  const ranAt = Number(readFileSync(started, 'utf8'));
  rmSync(started);
  return { claimed: (await claimedAt(build, bytes)) - killedAt, ran: ranAt - killedAt };
}

/** What the watcher and its runner use while this process sleeps. */
async function measureIdle(run, size, pid) {
  const before = cpuOf(pid);
  const start = performance.now();
  await sleep(run.count(10_000, 100));
  const seconds = (performance.now() - start) / 1000;
  run.add('processor time a second', [(cpuOf(pid) - before) / seconds], size);
}
