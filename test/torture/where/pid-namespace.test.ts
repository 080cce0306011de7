/** Containers that share the directory with the host: pids mean something else on either side, locks do not. */
import assert from 'node:assert/strict';
import { type SweepReport, sweep } from '#dist/index.js';
import { type Call, read } from '../../helpers/calls.ts';
import { startChild } from '../../helpers/child.ts';
import { freshPlace, startWorker, sweepFreed } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { run, testHere } from './mounts.ts';

/** If the container's init dies, or this process of the host does, all of it does. */
const container = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc', '--uts'] as const;
const calls: Call[] = [{ do: 'append', text: 'ran' }];
const silent = { logger: null } as const;

testHere('the host leaves a live worker of a container alone, and cleans up after it', async t => {
  run(container[0], ...container.slice(1), 'true');
  const { base, ledger } = freshPlace(t);
  for (const lock of ['flock', 'ofd'] as const) {
    // Two containers, in each of which the worker is pid 1.
    const plan = { base, ledger, calls, options: { lock } };
    const dying = await startWorker(t, plan, { under: container });
    const living = await startWorker(t, plan, { under: container });
    assert.equal((await sweep(base, { ...silent, lock })).live, 2);
    await dying.child.kill();
    // All of the container is gone when nobody has its output open any more, or in a moment.
    await dying.child.closed;
    const report = await sweepFreed(base, { lock, live: 1 });
    assert.deepEqual([report.live, report.ok], [1, 1]);
    assert.equal(report.files.find(file => file.outcome === 'ran')?.owner?.pid, 1);
    assert.equal((await living.child.ask<SweepReport>({ op: 'manager.close' })).ok, 1);
  }
  assert.equal(read(ledger).length, 4);
  addRow({ part: 'where', what: 'pid namespace: workers in containers', tried: 4, found: 0 });
});

testHere("a container leaves the host's live worker alone, and cleans up after it", async t => {
  run(container[0], ...container.slice(1), 'true');
  const { base, ledger } = freshPlace(t);
  const { child } = await startWorker(t, { base, ledger, calls });
  const inContainer = async (): Promise<SweepReport> => {
    const plan = JSON.stringify({ verb: 'sweep', base });
    const sweeper = startChild(t, 'job-sweeper', { args: [plan], under: container });
    return await sweeper.next<SweepReport>();
  };
  assert.equal((await inContainer()).live, 1);
  await child.kill();
  const report = await inContainer();
  assert.deepEqual([report.live, report.ok], [0, 1]);
  assert.deepEqual(read(ledger), ['ran']);
  addRow({ part: 'where', what: 'pid namespace: sweeper in a container', tried: 2, found: 0 });
});
