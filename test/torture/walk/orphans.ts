/** What the sweeping scenarios find. */
import type { Stage } from './stage.ts';

/** Two orphans with two functions each, and a cancelled one. */
export async function leaveOrphans(stage: Stage): Promise<void> {
  for (const orphan of [1, 2]) {
    const job = await stage.manager().open();
    await stage.defer(job, `orphan.${orphan}.a`, `orphan.${orphan}.b`);
    await stage.cancel(await stage.defer(job, `orphan.${orphan}.cancelled`), `orphan.${orphan}.cancelled`);
  }
  stage.die();
}

/** Five orphans of three launches, of which one has nothing to run. */
export async function leaveLaunches(stage: Stage): Promise<void> {
  for (const [number, options] of ['', '', '--no-warnings', '--trace-warnings'].entries()) {
    // Read when the file is begun.
    process.env.NODE_OPTIONS = options;
    await stage.defer(await stage.manager().open(), `launch.${number}.a`, `launch.${number}.b`);
  }
  await stage.manager().open();
  stage.die();
}

/** An orphan two of whose functions fail, beside one that has nothing to do with it. */
export async function leaveFailing(stage: Stage, retryDelayMs: number): Promise<void> {
  const job = await stage.manager({ retryDelayMs }).open();
  await stage.defer(job, 'a');
  await stage.deferFailing(job, 'fails');
  await stage.defer(job, 'b');
  await stage.deferFailing(job, 'fails-too');
  await stage.defer(await stage.manager().open(), 'other');
  stage.die();
}
