/** Worker threads whose descriptors Node does not close: their locks stay with the process. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { sweep } from '#dist/index.js';
import { freshPlace } from '../helpers/worker.ts';

/** Registers something, tells its warnings, and waits to be terminated. */
const program = `
  const { parentPort, workerData } = require('node:worker_threads');
  const { setTimeout: sleep } = require('node:timers/promises');
  const warnings = [];
  process.on('warning', ({ message }) => warnings.push(message));
  (async () => {
    const { DeferredFunctionManager } = await import(workerData.index);
    const logger = { info() {}, warn: text => warnings.push(text) };
    const manager = new DeferredFunctionManager(workerData.base, { logger });
    const jobs = [await manager.open(), await manager.open()];
    jobs[0].defer(require('node:fs').promises.rm, '/nonexistent/x', { force: true });
    await sleep(0);
    parentPort.postMessage(warnings);
    setInterval(() => {}, 1000);
  })();
`;

const index = import.meta.resolve('#dist/index.js');

test('a thread whose locks outlive it is told, and no other thread is', async t => {
  for (const trackUnmanagedFds of [undefined, true, false]) {
    const { base } = freshPlace(t);
    const worker = new Worker(program, { eval: true, trackUnmanagedFds, workerData: { index, base } });
    const [warnings] = (await once(worker, 'message')) as [string[]];
    await worker.terminate();
    const { ok, live } = await sweep(base, { logger: null });
    if (trackUnmanagedFds === false) {
      assert.equal(warnings.length, 1, warnings.join('\n'));
      assert.match(warnings[0] ?? '', /trackUnmanagedFds: false/);
      assert.deepEqual([ok, live], [0, 2]);
    } else {
      assert.deepEqual(warnings, []);
      assert.deepEqual([ok, live], [1, 0]);
    }
  }
});
