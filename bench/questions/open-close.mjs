/** What does a job cost in which nothing is registered? */
import { timedOnce } from '../harness.mjs';
import { FS_EXT, PROPER_LOCKFILE, peers } from '../peers/index.mjs';

const REUSED = 'file reused';
const NEW = 'new file';

export const about = {
  title: 'Open and close a job',
  unit: 'µs a job',
  text: 'Without functions, alone in its directory. A manager keeps its file for its next job; a new manager makes one. Both list the directory at the start and at the end, to sweep. The peers make a file, lock it and remove it, and look for no orphans.',
  aims: look => [REUSED, NEW].map(size => look.ratio(`open and close, ${size}`, { size, aim: 3 })),
};

export async function measure(run) {
  const jobs = run.count(300, 30);
  const each = async body => ((await timedOnce(() => repeat(jobs, body))) * 1000) / jobs;
  const reused = { floor: () => run.floor('reuse', atFloor, jobs) / 1000 };
  const fresh = { floor: () => run.floor('new', atFloor, jobs) / 1000 };
  const atFloor = run.fresh();
  for (const { name, api } of run.builds) {
    const kept = new api.DeferredFunctionManager(run.fresh(), { logger: null });
    reused[name] = () => each(async () => (await kept.open()).close());
    const base = run.fresh();
    fresh[name] = () =>
      each(async () => {
        const manager = new api.DeferredFunctionManager(base, { logger: null });
        await (await manager.open()).close();
        await manager.close();
      });
  }
  for (const name of [FS_EXT, PROPER_LOCKFILE]) {
    const peer = peers[name](run.fresh());
    fresh[name] = () => each(() => peer.open().close());
  }
  await run.byTurns(reused, { size: REUSED, rounds: 25 });
  await run.byTurns(fresh, { size: NEW, rounds: 25 });
}

async function repeat(times, body) {
  for (let i = 0; i < times; i++) await body();
}
