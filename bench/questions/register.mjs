/** What does it cost to register a function that is exported, with two small arguments? */
import { onExit } from 'signal-exit';
import { timed } from '../harness.mjs';
import { peers } from '../peers/index.mjs';
import { nothing } from '../programs/functions.mjs';

export const about = {
  title: 'Register a function',
  unit: 'µs a function',
  text: 'An exported function and two small arguments. The floor is statx(2) of the file, so that its removal is noticed, and one write(2) of 227 bytes. signal-exit keeps functions in memory: SIGKILL loses them.',
  aims: look =>
    ['tmpfs', 'disk'].map(place => look.ratio(`register a function, ${place}`, { size: place, aim: 2.5 })),
};

export async function measure(run) {
  for (const place of ['tmpfs', 'disk']) await measureOn(run, place);
}

async function measureOn(run, place) {
  const calls = run.count(1000, 200);
  const atFloor = run.fresh(place);
  const candidates = { floor: () => run.floor('register', atFloor, calls) / 1000 };
  for (const { name, api } of run.builds) {
    const manager = new api.DeferredFunctionManager(run.fresh(place), { logger: null });
    candidates[name] = async () => {
      const job = await manager.open({ sweep: 'none' });
      const time = timed(calls, () => job.defer(nothing, '/scratch/job-4711', 42));
      await job.close();
      return time;
    };
  }
  for (const [name, on] of Object.entries(peers)) {
    const peer = on(run.fresh(place));
    candidates[name] = async () => {
      peer.open();
      const time = timed(calls, () => peer.register());
      await peer.run();
      peer.close();
      return time;
    };
  }
  if (place === 'tmpfs')
    candidates['signal-exit'] = () => {
      const removers = [];
      const time = timed(calls, i => removers.push(onExit(() => nothing('/scratch/job-4711', i))));
      for (const remove of removers) remove();
      return time;
    };
  await run.byTurns(candidates, { size: place, rounds: 20 });
}
