import { once } from 'node:events';
import { spawn } from '#dist/actions/index.js';
import { sweep } from '#dist/index.js';
import { TREE } from '../notes.ts';
import type { Scenario } from '../scenario.ts';
import { spawned } from '../spawned.ts';

/** Two processes, of which one has a session of its own and no parent but init. */
const TREE_OF_TWO = '(setsid sleep 86400 &); exec sleep 86400';

const scenario: Scenario = {
  name: 'spawn from deferred-sweep/actions',
  // Of them, runners; the tree is left to the sweep.
  children: 'die',
  minimumPoints: 40,
  async run(stage) {
    const manager = stage.manager();
    const job = await stage.attempt(() => manager.open());
    if (job === undefined) return;
    await stage.defer(job, 'before');
    const env = { PATH: process.env.PATH, [TREE]: stage.base };
    const child = await stage.attempt(() =>
      spawned(() => spawn(job, 'sh', ['-c', TREE_OF_TWO], { stdio: 'ignore', env })),
    );
    // It rejects where the program could not be started.
    if (child) await once(child, 'spawn').catch(() => {});
    // It looks at all processes, in calls that none can count: `spawn-ends.ts`.
    child?.removeAllListeners('exit');
    await stage.defer(job, 'after');
    // In another directory a runner runs them: it looks at all processes, too.
    process.chdir('/');
    const own = await stage.close(job);
    await stage.never(() => manager.close());
    if (own?.isRetired === true) return;
    // What could not end the tree is tried again.
    for (let more = 0; more < 2; more++)
      await stage.attempt(() => sweep(stage.base, { logger: null, retryDelayMs: 0 }));
  },
};
export default scenario;
