/** What does registering a function cost, by the size of its argument? */
import { timed } from '../harness.mjs';
import { CALL } from '../peers/calls.mjs';
import { peers } from '../peers/index.mjs';
import { nothing } from '../programs/functions.mjs';

export const about = {
  title: 'Register a function, by the size of its argument',
  unit: 'µs a function',
  axis: 'bytes of the argument, a text',
  text: 'The floor is statx(2), and one write(2) of the record with the argument.',
};

export async function measure(run) {
  for (const size of run.isBrief ? [10, 1000] : [10, 100, 1000, 10_000, 100_000, 1_000_000]) {
    const calls = run.count(size <= 1000 ? 1000 : Math.ceil(2_000_000 / size), 10);
    const text = 'x'.repeat(size);
    const atFloor = run.fresh();
    const candidates = { floor: () => run.floor('register', atFloor, calls, size) / 1000 };
    for (const { name, api } of run.builds) {
      const manager = new api.DeferredFunctionManager(run.fresh(), { logger: null });
      candidates[name] = async () => {
        const job = await manager.open({ sweep: 'none' });
        const time = timed(calls, () => job.defer(nothing, text));
        await job.close();
        return time;
      };
    }
    for (const [name, on] of Object.entries(peers)) {
      const peer = on(run.fresh());
      candidates[name] = async () => {
        peer.open();
        const time = timed(calls, () => peer.register({ ...CALL, args: [text] }));
        await peer.run();
        peer.close();
        return time;
      };
    }
    await run.byTurns(candidates, { size, rounds: 11 });
  }
}
