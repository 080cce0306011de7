import { once } from 'node:events';
import { spawn } from '#dist/actions/index.js';
import { sweep } from '#dist/index.js';
import type { Scenario } from '../scenario.ts';

/** Two processes, of which one has a session of its own and no parent but init. */
const TREE = '(setsid sleep 86400 &); exec sleep 86400';

const scenario: Scenario = {
  name: 'spawn from deferred-sweep/actions',
  children: 'die',
  minimumPoints: 40,
  async run(stage) {
    const manager = stage.manager();
    const job = await stage.attempt(() => manager.open());
    if (job === undefined) return;
    await stage.defer(job, 'before');
    const child = await stage.attempt(() => spawn(job, 'sh', ['-c', TREE], { stdio: 'ignore' }));
    // It rejects where the program could not be started.
    if (child) await once(child, 'spawn').catch(() => {});
    await stage.defer(job, 'after');
    // In another directory a runner runs them: it looks at all processes of the machine, in calls that none can count.
    process.chdir('/');
    await stage.close(job);
    await stage.never(() => manager.close());
    // What could not end the tree is tried again.
    for (let more = 0; more < 2; more++)
      await stage.attempt(() => sweep(stage.base, { logger: null, retryDelayMs: 0 }));
  },
};
export default scenario;
