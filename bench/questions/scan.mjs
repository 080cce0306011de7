/** What does a sweep cost beside live owners, for each of their files? How does that grow with the workers on a node? */
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { programOf, timedOnce, timedProcess } from '../harness.mjs';
import { kill, liveOwners, start } from '../live.mjs';
import { PROPER_LOCKFILE, peers } from '../peers/index.mjs';

export const about = {
  title: 'Sweep beside live owners',
  unit: 'µs a live file',
  axis: 'live files in the directory',
  text: 'Nothing is to do: each file is opened, its lock tried, and it is closed. The first look of a process also reads who the owner is. The floor opens, looks, tries the lock and closes. better-sqlite3 has no files; it asks for the pid of each owner.',
  aims: look => [
    ...[1000, 10_000].map(size =>
      look.ratio(`sweep beside ${size.toLocaleString('en')} live files`, { size, aim: 1.2 }),
    ),
    ...[1000, 10_000].map(size =>
      look.below(`event loop blocked beside ${size.toLocaleString('en')} live files`, {
        who: 'deferred-sweep, event loop blocked, worst',
        size,
        aim: '≤ 10 ms',
      }),
    ),
  ],
};

export async function measure(run) {
  for (const count of run.isBrief ? [10, 100] : [10, 100, 1000, 10_000]) await measureBeside(run, count);
}

async function measureBeside(run, count) {
  const candidates = {};
  const children = [];
  const blocked = new Map();
  const each = ms => (ms * 1000) / count;
  for (const { name, directory, api } of run.builds) {
    const base = run.fresh();
    children.push(await liveOwners(directory, base, count));
    candidates.floor ??= () => each(run.floor('scan', join(base, 'deferred'), count) / 1e6);
    blocked.set(name, []);
    candidates[name] = async () => {
      const delay = monitorEventLoopDelay({ resolution: 1 });
      delay.enable();
      const time = each(
        await timedOnce(async () => expectLive(count, await api.sweep(base, { logger: null }))),
      );
      // A turn, so that the last delay is seen.
      await new Promise(resolve => setTimeout(resolve, 2));
      delay.disable();
      blocked.get(name).push(delay.max / 1e6);
      return time;
    };
    candidates[`${name}, first look`] = () => {
      const { stdout } = timedProcess(process.execPath, [programOf('sweeper.mjs'), directory, base]);
      return each(JSON.parse(stdout).ms);
    };
  }
  for (const [name, on] of Object.entries(peers)) {
    // Its owner touches each of its files every five seconds.
    if (name === PROPER_LOCKFILE && count > 1000) continue;
    const directory = run.fresh();
    children.push(await start('live-peer.mjs', [name, directory, `${count}`]));
    const peer = on(directory);
    candidates[name] = async () => each(await timedOnce(async () => expectLive(count, await peer.sweep())));
  }
  await run.byTurns(candidates, { size: count, rounds: 9 });
  for (const [name, all] of blocked) {
    run.add(`${name}, event loop blocked`, all, count, { unit: 'ms' });
    run.add(`${name}, event loop blocked, worst`, [Math.max(...all)], count, { unit: 'ms' });
  }
  for (const child of children) await kill(child);
}

function expectLive(count, report) {
  if (report.live !== count) throw new Error(`${report.live} of ${count} live files`);
}
