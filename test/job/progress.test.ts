/** Whoever runs a file may be killed in the middle of it: only what was in progress is repeated. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { replay } from '#dist/log/replay.js';
import { type Call, read } from '../helpers/calls.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { freshPlace, leaveOrphan, startWorker } from '../helpers/worker.ts';

function tenCalls(middle: Call): Call[] {
  return Array.from({ length: 10 }, (_, number) =>
    number === 5 ? middle : ({ do: 'append', text: String(number) } as const),
  );
}

test('killed half-way through its ten functions at the end of a job: only the one in progress is repeated', async t => {
  const { base, ledger, root } = freshPlace(t);
  const fifo = makeGate(root);
  const calls = tenCalls({ do: 'wait-for-fifo', text: '5', fifo });
  const { child } = await startWorker(t, { base, ledger, calls });
  child.send({ op: 'start-close' });
  const first = await arrivalAt(fifo);
  await child.kill();
  await first();
  assert.deepEqual(read(ledger), ['0', '1', '2', '3', '4', '5']);
  const second = arrivalAt(fifo).then(letThrough => letThrough());
  const report = await sweep(base, { logger: null });
  await second;
  assert.deepEqual([report.ok, report.failed, report.pending], [5, 0, 0]);
  assert.deepEqual(read(ledger), ['0', '1', '2', '3', '4', '5', '5', '5-end', '6', '7', '8', '9']);
});

test("with delivery 'at-most-once' the one in progress is not repeated but set aside, and those behind it run", async t => {
  const { base, ledger, root } = freshPlace(t);
  const fifo = makeGate(root);
  const calls = tenCalls({ do: 'wait-for-fifo', text: '5', fifo });
  const { child } = await startWorker(t, { base, ledger, calls, options: { delivery: 'at-most-once' } });
  child.send({ op: 'start-close' });
  const letThrough = await arrivalAt(fifo);
  await child.kill();
  await letThrough();
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.failed, report.pending], [4, 1, 0]);
  assert.deepEqual(read(ledger), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']);
  const skipped = report.files[0]?.functions.find(ran => ran.id === 6);
  assert.equal(skipped?.outcome, 'skipped');
  assert.equal(existsSync(skipped?.deadLetter ?? ''), true);
});

test('a runner that is killed half-way through an orphan: only the function in progress is repeated', async t => {
  const { base, ledger } = freshPlace(t);
  const calls = tenCalls({ do: 'signal', text: '5', signal: 'SIGKILL' });
  await leaveOrphan(t, { base, ledger, calls, options: { maxAttempts: 2 } });
  for (const [ok, pending] of [
    [9, 1],
    [0, 0],
  ]) {
    const report = await sweep(base, { logger: null });
    assert.deepEqual([report.ok, report.failed, report.pending], [ok, 1, pending]);
  }
  assert.deepEqual(read(ledger), ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', '5']);
});

test("a function with delivery 'at-most-once' that crashes its runner is never tried again", async t => {
  const { base, ledger } = freshPlace(t);
  const calls = tenCalls({ do: 'signal', text: '5', signal: 'SIGKILL' });
  await leaveOrphan(t, { base, ledger, calls, options: { delivery: 'at-most-once' } });
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.failed, report.pending], [9, 1, 0]);
  assert.equal((await sweep(base)).files.length, 0);
  assert.equal(read(ledger).length, 10);
});

test('an attempt whose runner died is ended in the file, with the reason, for whoever tries again', async t => {
  const { base, ledger } = freshPlace(t);
  const path = await leaveOrphan(t, { base, ledger, calls: [{ do: 'exit', text: 'tried', code: 3 }] });
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.failed, report.pending], [1, 1]);
  const { lastAttempt } = replay(readFileSync(path)).functions.get(1)!;
  assert.deepEqual([lastAttempt?.done?.error?.code, lastAttempt?.done?.final], ['DEFERRED_CRASHED', false]);
});
