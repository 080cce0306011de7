import type { Scenario } from '../scenario.ts';
import type { Stage } from '../stage.ts';

/** Two orphans with two functions each, and a cancelled one. */
export async function leaveOrphans(stage: Stage): Promise<void> {
  for (const orphan of [1, 2]) {
    const job = await stage.manager().open();
    await stage.defer(job, `orphan.${orphan}.a`, `orphan.${orphan}.b`);
    await stage.cancel(await stage.defer(job, `orphan.${orphan}.cancelled`), `orphan.${orphan}.cancelled`);
  }
  stage.die();
}

const scenario: Scenario = {
  name: 'deferred-sweep sweep, in place',
  minimumPoints: 40,
  exitCodes: [0, 1, 3],
  prepare: leaveOrphans,
  run: stage => stage.commandLine('sweep', '--json', '--isolation', 'none', stage.base),
};
export default scenario;
