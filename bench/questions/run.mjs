/** What does it cost to run a function that does nothing at the end of its own job, both marks included? */
import { timedOnce } from '../harness.mjs';
import { peers } from '../peers/index.mjs';
import { nothing } from '../programs/functions.mjs';

export const about = {
  title: 'Run a function at the end of its job',
  unit: 'µs a function',
  text: 'The function does nothing. The floor is two write(2) of 79 bytes, its marks: begun and done.',
  aims: look => [look.ratio('run an own function, marks included', { aim: 9, isOfOriginal: true })],
};

export async function measure(run) {
  const calls = run.count(2000, 200);
  const each = async body => ((await timedOnce(body)) * 1000) / calls;
  const atFloor = run.fresh();
  const candidates = { floor: () => run.floor('run', atFloor, calls) / 1000 };
  for (const { name, api } of run.builds) {
    const manager = new api.DeferredFunctionManager(run.fresh(), { logger: null });
    candidates[name] = async () => {
      const job = await manager.open({ sweep: 'none' });
      for (let i = 0; i < calls; i++) job.defer(nothing, '/scratch/job-4711', 42);
      const time = await each(() => job.close());
      return time;
    };
  }
  for (const [name, on] of Object.entries(peers)) {
    const peer = on(run.fresh());
    candidates[name] = async () => {
      peer.open();
      for (let i = 0; i < calls; i++) peer.register();
      const time = await each(() => peer.run());
      peer.close();
      return time;
    };
  }
  await run.byTurns(candidates, { rounds: 25 });
}
