/** The original's own scenarios. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { DeferredFunctionManager, type SweepReport } from '#dist/index.js';
import { read, register } from '../helpers/calls.ts';
import { freshPlace, leaveOrphan, startWorker, sweepElsewhere } from '../helpers/worker.ts';

test('a function runs after the normal end of its job, not before', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  const result = await manager.run((_defer, job) => {
    register(job, { do: 'append', text: 'cleaned' }, ledger);
    assert.deepEqual(read(ledger), []);
    return 42;
  });
  assert.equal(result, 42);
  assert.deepEqual(read(ledger), ['cleaned']);
});

test("a function runs after a job that throws, and the job's own error is what run() throws", async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const error = new Error("the job's own");
  const run = manager.run((_defer, job) => {
    register(job, { do: 'throw', text: 'cleaned', message: "the function's" }, ledger);
    throw error;
  });
  await assert.rejects(run, thrown => thrown === error);
  assert.equal(read(ledger)[0], 'cleaned');
});

test("of two functions one of which fails the other one runs, and the job's result stands", async t => {
  for (const order of ['fifo', 'lifo'] as const) {
    const { base, ledger } = freshPlace(t);
    await using manager = new DeferredFunctionManager(base, { logger: null, order, maxAttempts: 1 });
    const result = await manager.run((_defer, job) => {
      register(job, { do: 'throw', text: 'fails', message: 'no' }, ledger);
      register(job, { do: 'append', text: 'works' }, ledger);
      return 'done';
    });
    assert.equal(result, 'done');
    assert.deepEqual(read(ledger), order === 'fifo' ? ['fails', 'works'] : ['works', 'fails']);
  }
});

test('the retry of a job that killed itself finds the functions of its first try run', async t => {
  const { base, ledger } = freshPlace(t);
  const plan = { base, ledger, calls: [{ do: 'append', text: 'first try' }] } as const;
  const { child } = await startWorker(t, plan);
  child.send({ op: 'die', how: 'sigkill' });
  assert.equal((await child.exited).signal, 'SIGKILL');
  await using manager = new DeferredFunctionManager(base);
  await manager.run((_defer, job) => {
    assert.deepEqual(read(ledger), ['first try']);
    assert.equal(job.sweepReport.ok, 1);
  });
});

test('a job that is open when another one is killed cleans up after it at its own end', async t => {
  const { base, ledger } = freshPlace(t);
  const survivor = await startWorker(t, { base, ledger, calls: [{ do: 'append', text: "survivor's" }] });
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'append', text: "victim's" }] });
  const report = await survivor.child.ask<SweepReport>({ op: 'close' });
  assert.equal(report.ok, 2);
  assert.deepEqual(read(ledger), ["survivor's", "victim's"]);
});

test('a final cleanup runs what killed workers left and removes the directory', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const plans = ['a', 'b', 'c'].map(text => ({ base, ledger, calls: [{ do: 'append', text }] }) as const);
  // Each one's open() would run what a dead one left.
  const workers = await Promise.all(plans.map(plan => startWorker(t, plan)));
  for (const { child } of workers) await child.kill();
  const report = await sweepElsewhere(t, { verb: 'cleanup', base });
  assert.equal(report.ok, 3);
  assert.deepEqual(read(ledger).sort(), ['a', 'b', 'c']);
  assert.equal(existsSync(directory), false);
});
