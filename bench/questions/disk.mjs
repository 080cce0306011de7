/** What does it cost to register a function so that it survives the crash of the machine? */
import { timed } from '../harness.mjs';
import { hasTable, Table } from '../peers/table.mjs';
import { nothing } from '../programs/functions.mjs';

export const about = {
  title: "Register a function with durability 'disk'",
  unit: 'µs a function',
  text: 'On the disk. The floor is write(2) and fdatasync(2). better-sqlite3 with `synchronous = FULL`.',
  aims: look => [look.ratio("register, durability 'disk'", { aim: 1.3 })],
};

export async function measure(run) {
  const calls = run.count(60, 10);
  const atFloor = run.fresh('disk');
  const candidates = { floor: () => run.floor('register-disk', atFloor, calls) / 1000 };
  for (const { name, api } of run.builds) {
    const options = { logger: null, durability: 'disk' };
    const manager = new api.DeferredFunctionManager(run.fresh('disk'), options);
    const job = await manager.open({ sweep: 'none' });
    await warmUp(api, run);
    candidates[name] = () => timed(calls, () => job.defer(nothing, '/scratch/job-4711', 42));
  }
  if (hasTable()) {
    const table = new Table(run.fresh('disk'), 'FULL').open();
    candidates['better-sqlite3'] = () => timed(calls, () => table.register());
  }
  await run.byTurns(candidates, { rounds: 15 });
}

/** So few calls as wait for the disk would be interpreted ones. */
async function warmUp(api, run) {
  const manager = new api.DeferredFunctionManager(run.fresh(), { logger: null });
  const job = await manager.open({ sweep: 'none' });
  timed(run.count(5000, 50), () => job.defer(nothing, '/scratch/job-4711', 42));
  await manager.close();
}
