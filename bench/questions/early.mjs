/** What do an early `run()` and `cancel()` cost, and does that grow with the functions of the job? */
import { performance } from 'node:perf_hooks';
import { nothing } from '../programs/functions.mjs';

export const about = {
  title: 'Run or cancel one function early',
  unit: 'µs a call',
  axis: 'functions of the job',
  text: '`registration.run()` and `registration.cancel()` of one function among others that stay registered. The floors are two write(2) and one.',
  aims: look =>
    ['run()', 'cancel()'].map(what =>
      look.growth(`early \`${what}\` among 100,000 functions`, {
        who: `deferred-sweep, ${what}`,
        from: 10,
        to: 100_000,
        aim: 'as among 10',
      }),
    ),
};

const CALLS = 50;

export async function measure(run) {
  const atFloor = run.fresh();
  for (const size of run.isBrief ? [10, 100] : [10, 100, 1000, 10_000, 100_000]) {
    const candidates = {
      'floor of run()': () => run.floor('run', atFloor, 1000) / 1000,
      'floor of cancel()': () => run.floor('cancel', atFloor, 1000) / 1000,
    };
    for (const { name, api } of run.builds) {
      const manager = new api.DeferredFunctionManager(run.fresh(), { logger: null });
      const job = await manager.open({ sweep: 'none' });
      for (let n = 0; n < size; n++) job.defer(nothing, '/scratch/job-4711', n);
      const register = () => job.defer(nothing, '/scratch/job-4711', 42);
      const each = async body => {
        const registrations = Array.from({ length: CALLS }, register);
        const start = performance.now();
        for (const registration of registrations) await body(registration);
        return ((performance.now() - start) * 1000) / CALLS;
      };
      candidates[`${name}, run()`] = () => each(registration => registration.run());
      candidates[`${name}, cancel()`] = () => each(registration => registration.cancel());
    }
    await run.byTurns(candidates, { size, rounds: 25 });
  }
}
