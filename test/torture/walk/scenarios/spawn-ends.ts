import { once } from 'node:events';
import { promises } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { spawn } from '#dist/actions/index.js';
import type { Scenario } from '../scenario.ts';
import { spawned } from '../spawned.ts';

/** Where the registration cannot be cancelled, nothing tells of it. */
const LONGEST_MS = 2000;

/** By a thread of libuv, whose calls are not tortured. */
async function sizeOf(path: string): Promise<number> {
  return await promises.stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

const scenario: Scenario = {
  name: 'spawn of a program that ends by itself',
  children: 'die',
  looksAtProcesses: true,
  minimumPoints: 40,
  async run(stage) {
    const manager = stage.manager();
    const job = await stage.attempt(() => manager.open());
    if (job === undefined) return;
    await stage.defer(job, 'before');
    const child = await stage.attempt(() => spawned(() => spawn(job, 'true', [], { stdio: 'ignore' })));
    // It rejects where the program could not be started.
    const ended = child && once(child, 'exit').catch(() => {});
    const size = await sizeOf(job.path);
    await ended;
    // Its registration is cancelled when no process has the token.
    const untilMs = performance.now() + (child ? LONGEST_MS : 0);
    while (performance.now() < untilMs && (await sizeOf(job.path)) === size) await setImmediate();
    await stage.defer(job, 'after');
    await stage.close(job);
    await stage.never(() => manager.close());
  },
};
export default scenario;
