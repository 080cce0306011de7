/** What does a whole job cost, for each of its functions, by how many it has? */
import { timedOnce } from '../harness.mjs';
import { peers } from '../peers/index.mjs';
import { nothing } from '../programs/functions.mjs';

export const about = {
  title: 'A whole job, by its functions',
  unit: 'µs a function',
  axis: 'functions of the job',
  text: 'Opened, its functions registered and run, closed. The floor lists the directory twice, and makes the three writes of each function.',
};

export async function measure(run) {
  for (const size of run.isBrief ? [1, 10] : [1, 10, 100, 1000, 10_000]) {
    const jobs = Math.max(1, Math.round(run.count(500, 20) / size));
    const each = async job =>
      ((await timedOnce(async () => {
        for (let n = 0; n < jobs; n++) await job();
      })) *
        1000) /
      (jobs * size);
    const atFloor = run.fresh();
    const candidates = { floor: () => run.floor('job', atFloor, jobs, size) / 1000 / size };
    for (const { name, api } of run.builds) {
      const manager = new api.DeferredFunctionManager(run.fresh(), { logger: null });
      candidates[name] = () =>
        each(async () => {
          const job = await manager.open();
          for (let n = 0; n < size; n++) job.defer(nothing, '/scratch/job-4711', n);
          await job.close();
        });
    }
    for (const [name, on] of Object.entries(peers)) {
      const peer = on(run.fresh());
      candidates[name] = () =>
        each(async () => {
          peer.open();
          for (let n = 0; n < size; n++) peer.register();
          await peer.run();
          peer.close();
        });
    }
    await run.byTurns(candidates, { size, rounds: 15 });
  }
}
