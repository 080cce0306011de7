/** A sweep that waits for others ends when they have: not before, and not later. */
import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { type Call, read } from '../helpers/calls.ts';
import { startChild } from '../helpers/child.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { isFull } from '../helpers/size.ts';
import { freshPlace, leaveOrphan, startWorker, sweepElsewhere, type WorkerPlan } from '../helpers/worker.ts';

const WAIT_MS = 30_000;

const failing: Call = { do: 'throw', text: 'failing', message: 'not today' };

/** An orphan in the sweep of another process, which is in its first function until it is let through. */
async function sweptElsewhere(
  t: TestContext,
  { behind = [], options = {} }: { behind?: readonly Call[]; options?: WorkerPlan['options'] } = {},
) {
  const place = freshPlace(t);
  const { base, ledger, root } = place;
  const fifo = makeGate(root);
  const calls: Call[] = [{ do: 'wait-for-fifo', text: 'slow', fifo }, ...behind];
  const path = await leaveOrphan(t, { base, ledger, options, calls });
  const sweeper = startChild(t, 'job-sweeper', { args: [JSON.stringify({ verb: 'sweep', base })] });
  return { ...place, path, sweeper, letThrough: await arrivalAt(fifo) };
}

/** Returns when an attempt of now would be after what has just begun, by the clock of both. */
async function nextMillisecond(): Promise<void> {
  await setImmediate();
  for (const began = Date.now(); Date.now() <= began; ) await setImmediate();
}

test('a sweep that waits for a file of another sweep returns when that is done, and says that nothing is left', async t => {
  const { base, ledger, directory, letThrough } = await sweptElsewhere(t);
  const waiting = sweep(base, { logger: null, waitMs: WAIT_MS });
  await letThrough();
  const report = await waiting;
  assert.deepEqual(read(ledger), ['slow', 'slow-end']);
  assert.deepEqual([report.sweeping, report.files], [0, []]);
  assert.ok(report.ms < WAIT_MS / 2, `it waited for ${report.ms} ms`);
  assert.deepEqual(readdirSync(directory), []);
});

test('a function that failed in one sweep is left by another that had begun before, though it is due', async t => {
  const options = { retryDelayMs: 0 };
  const { base, ledger, letThrough } = await sweptElsewhere(t, { behind: [failing], options });
  const waiting = sweep(base, { logger: null, waitMs: WAIT_MS });
  await nextMillisecond();
  await letThrough();
  const { failed, pending, sweeping } = await waiting;
  assert.deepEqual([failed, pending, sweeping], [0, 1, 0]);
  assert.deepEqual(read(ledger), ['slow', 'slow-end', 'failing']);
});

test('a cleanup that leaves a function since another sweep has just tried it tries it in its next round', async t => {
  const options = { retryDelayMs: 0, maxAttempts: 2 };
  const { base, ledger, letThrough } = await sweptElsewhere(t, { behind: [failing], options });
  const cleaning = DeferredFunctionManager.cleanupWorker(base, { logger: null, waitMs: WAIT_MS });
  await nextMillisecond();
  await letThrough();
  const { failed, pending } = await cleaning;
  assert.deepEqual([failed, pending], [1, 0]);
  assert.deepEqual(read(ledger), ['slow', 'slow-end', 'failing', 'failing']);
});

test('a function that failed in one sweep is left by another that had looked before, though by its clock that was long ago', async t => {
  const { base, ledger, root } = freshPlace(t);
  const fifo = makeGate(root);
  const clock = join(root, 'clock.mjs');
  // As that of another host, or one that was set back.
  writeFileSync(
    clock,
    'const { now } = Date; if (process.env.IS_BEHIND) Date.now = () => now.call(Date) - 3_600_000;\n',
  );
  const execArgv = ['--import', clock];
  // Both are opened before one dies: to open is to sweep.
  const workers = [];
  for (const call of [{ do: 'wait-for-fifo', text: 'slow', fifo }, failing] as const)
    workers.push(await startWorker(t, { base, ledger, calls: [call] }, { execArgv }));
  for (const { child } of workers) await child.kill();
  // Its one runner has both files, and is in the first.
  const options = { retryDelayMs: 0, concurrency: 1 };
  const first = sweep(base, { ...options, logger: null });
  const letThrough = await arrivalAt(fifo);
  const env = { IS_BEHIND: '1' };
  const second = await sweepElsewhere(t, { verb: 'sweep', base, options }, { env });
  assert.deepEqual([second.failed, second.sweeping], [1, 1]);
  await letThrough();
  const { ok, failed, pending } = await first;
  assert.deepEqual([ok, failed, pending], [1, 0, 1]);
  assert.deepEqual(read(ledger), ['slow', 'failing', 'slow-end']);
});

for (const [what, returns] of Object.entries({
  'a job that waits opens after the cleanup of its predecessor': async (base: string) => {
    const manager = new DeferredFunctionManager(base, { logger: null });
    const { sweepReport } = await manager.open({ waitMs: WAIT_MS });
    await manager.close();
    return sweepReport.sweeping;
  },
  'a cleanup that waits returns after the cleanup of another process': async (base: string) =>
    (await DeferredFunctionManager.cleanupWorker(base, { logger: null, waitMs: WAIT_MS })).sweeping,
})) {
  test(what, async t => {
    const { base, ledger, letThrough } = await sweptElsewhere(t);
    const atReturn = returns(base).then(sweeping => [sweeping, ...read(ledger)]);
    await letThrough();
    assert.deepEqual(await atReturn, [0, 'slow', 'slow-end']);
  });
}

test('a cleanup waits once for files of another sweep, however many rounds it has', async t => {
  const { base, ledger, sweeper, letThrough } = await sweptElsewhere(t);
  const rounds = isFull ? 20 : 8;
  const options = { maxAttempts: rounds, retryDelayMs: 0 };
  await leaveOrphan(t, { base, ledger, options, calls: [failing] });
  // Longer than a runner needs to start on a busy machine.
  const waitMs = 3000;
  const report = await DeferredFunctionManager.cleanupWorker(base, { logger: null, waitMs });
  assert.deepEqual([report.sweeping, read(ledger).length], [1, 1 + rounds]);
  assert.ok(report.ms >= waitMs && report.ms < rounds * waitMs, `it took ${report.ms} ms`);
  await letThrough();
  await sweeper.closed;
});

test('a large file that is being swept is told from one of a living owner', async t => {
  const { base, ledger, root } = freshPlace(t);
  const fifo = makeGate(root);
  // More than is read of a file that somebody has locked.
  const large: Call[] = Array.from({ length: 10 }, () => ({ do: 'append', text: 'x'.repeat(30 * 1024) }));
  const { child } = await startWorker(t, {
    base,
    ledger,
    calls: [{ do: 'wait-for-fifo', text: 'slow', fifo }],
  });
  for (const call of large) await child.ask({ op: 'defer', call });
  await child.kill();
  const sweeper = startChild(t, 'job-sweeper', { args: [JSON.stringify({ verb: 'sweep', base })] });
  const letThrough = await arrivalAt(fifo);
  const { files } = await sweep(base, { logger: null });
  assert.deepEqual(
    files.map(file => file.outcome),
    ['sweeping'],
  );
  await letThrough();
  await sweeper.closed;
});

test('a sweep whose time to wait is over says what goes on', async t => {
  const { base, path, sweeper, letThrough } = await sweptElsewhere(t);
  const report = await sweep(base, { logger: null, waitMs: 50 });
  assert.deepEqual(
    report.files.map(file => [file.path, file.outcome]),
    [[path, 'sweeping']],
  );
  assert.ok(report.ms >= 50, `it waited for ${report.ms} ms`);
  await letThrough();
  await sweeper.closed;
});
