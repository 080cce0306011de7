import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DeferredFunctionManager, type SweepReport, sweep } from '#dist/index.js';
import { type Call, read, register } from '../helpers/calls.ts';
import { startChild } from '../helpers/child.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { isFull, sample } from '../helpers/size.ts';
import { freshPlace, type SweeperPlan, startWorker, sweepFreed } from '../helpers/worker.ts';

const orphans = isFull ? 400 : 80;

test('eight sweepers at once run the functions of hundreds of orphans: each runs, none twice', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const many = startChild(t, 'job-many', { args: [base, ledger, String(orphans)] });
  await many.next();
  await many.kill();
  const plan: SweeperPlan = { verb: 'sweep', base, waits: true };
  const sweepers = Array.from({ length: 8 }, () =>
    startChild(t, 'job-sweeper', { args: [JSON.stringify(plan)] }),
  );
  for (const sweeper of sweepers) assert.equal(await sweeper.next(), 'ready');
  const reports = await Promise.all(sweepers.map(sweeper => sweeper.ask<SweepReport>('go')));
  assert.equal(
    reports.reduce((sum, report) => sum + report.ok, 0),
    orphans,
  );
  assert.ok(reports.filter(report => report.ok > 0).length > 1, 'only one of them had anything to do');
  assert.deepEqual(
    read(ledger).sort((a, b) => Number(a) - Number(b)),
    Array.from({ length: orphans }, (_, number) => String(number)),
  );
  assert.deepEqual(readdirSync(directory), []);
});

test("managers and worker threads of one process do not take each other's files", async t => {
  const { base, ledger } = freshPlace(t);
  const thread = new Worker(new URL('../fixtures/job-thread.js', import.meta.url), {
    workerData: { base, ledger, calls: [{ do: 'append', text: 'thread' }] },
  });
  t.after(() => thread.terminate());
  await once(thread, 'message');
  const [one, two] = ['one', 'two'].map(label => new DeferredFunctionManager(base, { logger: null, label }));
  const jobs = [await one!.open(), await one!.open(), await two!.open()];
  for (const [index, job] of jobs.entries()) register(job, { do: 'append', text: `job ${index}` }, ledger);
  assert.equal((await sweep(base, { logger: null })).live, 4);
  thread.postMessage('sweep');
  const [fromThread] = (await once(thread, 'message')) as [SweepReport];
  assert.deepEqual([fromThread.live, fromThread.ok], [4, 0]);
  assert.deepEqual(read(ledger), []);
  const report = await one!.close();
  assert.deepEqual(read(ledger).sort(), ['job 0', 'job 1']);
  assert.equal(report.ok, 2);
  await two!.close();
  assert.deepEqual(read(ledger).sort(), ['job 0', 'job 1', 'job 2']);
  await thread.terminate();
  assert.equal((await sweep(base, { logger: null })).ok, 1);
  assert.deepEqual(read(ledger).at(-1), 'thread');
});

const pairs = [
  ['flock', 'ofd'],
  ['ofd', 'flock'],
] as const;

for (const [mine, theirs] of sample(pairs, 1)) {
  test(`a sweeper that locks with ${mine} leaves a live worker that locks with ${theirs} alone, and takes over a dead one`, async t => {
    const { base, ledger } = freshPlace(t);
    const plan = { base, ledger, calls: [{ do: 'append', text: 'ran' }], options: { lock: theirs } } as const;
    const { child } = await startWorker(t, plan);
    const report = await sweep(base, { logger: null, lock: mine });
    assert.deepEqual([report.live, report.ok], [1, 0]);
    assert.deepEqual(read(ledger), []);
    await child.kill();
    assert.equal((await sweep(base, { logger: null, lock: mine })).ok, 1);
    assert.deepEqual(read(ledger), ['ran']);
  });
}

for (const lock of sample(['flock', 'ofd'] as const, 1)) {
  test(`the runner of a killed sweeper holds the ${lock} lock until its function is done: no other sweep runs it too`, async t => {
    const { base, ledger, root } = freshPlace(t);
    const fifo = makeGate(root);
    const calls: Call[] = [
      { do: 'wait-for-fifo', text: 'first', fifo },
      { do: 'append', text: 'second' },
    ];
    await (await startWorker(t, { base, ledger, calls, options: { lock } })).child.kill();
    const sweeper = startChild(t, 'job-sweeper', {
      args: [JSON.stringify({ verb: 'sweep', base, options: { lock } })],
    });
    const letThrough = await arrivalAt(fifo);
    await sweeper.kill();
    for (const scheme of ['flock', 'ofd'] as const) {
      const report = await sweep(base, { logger: null, lock: scheme });
      assert.deepEqual([report.sweeping, report.ok, report.failed], [1, 0, 0]);
    }
    await letThrough();
    // No process reads what the runner has to say any more: no reason to fail.
    assert.equal((await sweepFreed(base)).ok, 1);
    await sweeper.closed;
    assert.equal(sweeper.stderr, '');
    assert.deepEqual(read(ledger), ['first', 'first-end', 'second']);
  });
}
