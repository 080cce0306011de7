import assert from 'node:assert/strict';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { DeferredFunctionManager, type SweepReport, sweep } from '#dist/index.js';
import { encode } from '#dist/value/codec.js';
import { type Call, read } from '../helpers/calls.ts';
import { startChild } from '../helpers/child.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { childrenOf, isAlive, nameProcess } from '../helpers/process-life.ts';
import { sample } from '../helpers/size.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';
import { until } from '../helpers/until.ts';
import {
  cli,
  type Death,
  freshPlace,
  leaveOrphan,
  startWorker,
  sweepElsewhere,
  sweepFreed,
} from '../helpers/worker.ts';

const twoCalls: Call[] = [
  { do: 'append', text: 'first' },
  { do: 'append', text: 'second' },
];

const sweepers: Record<string, (t: TestContext, base: string) => Promise<number>> = {
  "another process's open()": async (t, base) => (await sweepElsewhere(t, { verb: 'open', base })).ok,
  'cleanupWorker in another process': async (t, base) =>
    (await sweepElsewhere(t, { verb: 'cleanup', base })).ok,
  'sweep in another process': async (t, base) => (await sweepElsewhere(t, { verb: 'sweep', base })).ok,
  'the command line': async (_t, base) => {
    const { status, stdout } = await cli('--json', base);
    assert.equal(status, 0);
    return (JSON.parse(stdout) as SweepReport).ok;
  },
};

for (const [who, run] of sample(Object.entries(sweepers), 2)) {
  test(`what a worker killed after defer() returned left is run by ${who}, once and in order`, async t => {
    const { base, ledger } = freshPlace(t);
    const path = await leaveOrphan(t, { base, ledger, calls: twoCalls });
    assert.deepEqual(read(ledger), []);
    assert.equal(await run(t, base), 2);
    assert.deepEqual(read(ledger), ['first', 'second']);
    assert.equal(existsSync(path), false);
    assert.equal(await run(t, base), 0);
    assert.deepEqual(read(ledger), ['first', 'second']);
  });

  test(`a live worker's file is not touched by ${who}`, async t => {
    const { base, ledger } = freshPlace(t);
    const { child, path } = await startWorker(t, { base, ledger, calls: twoCalls });
    assert.equal(await run(t, base), 0);
    assert.deepEqual(read(ledger), []);
    assert.equal(existsSync(path), true);
    assert.equal((await child.ask<SweepReport>({ op: 'close' })).ok, 2);
    assert.deepEqual(read(ledger), ['first', 'second']);
  });
}

const deaths: Death[] = ['abort', 'exit', 'uncaught exception', 'unhandled rejection'];
for (const how of sample(deaths, 2)) {
  test(`what a worker left that died of ${how} is run by the next sweep`, async t => {
    const { base, ledger } = freshPlace(t);
    const { child } = await startWorker(t, { base, ledger, calls: twoCalls });
    child.send({ op: 'die', how });
    await child.exited;
    assert.deepEqual(read(ledger), []);
    const report = await sweep(base, { logger: null });
    assert.deepEqual([report.ok, report.failed, report.pending], [2, 0, 0]);
    assert.deepEqual(read(ledger), ['first', 'second']);
  });
}

test('what a terminated worker thread left is run by the next sweep, even of its own process', async t => {
  const { base, ledger } = freshPlace(t);
  const thread = new Worker(new URL('../fixtures/job-thread.js', import.meta.url), {
    workerData: { base, ledger, calls: twoCalls },
  });
  t.after(() => thread.terminate());
  await once(thread, 'message');
  assert.equal((await sweep(base, { logger: null })).live, 1);
  await thread.terminate();
  assert.equal((await sweep(base, { logger: null })).ok, 2);
  assert.deepEqual(read(ledger), ['first', 'second']);
});

test('a worker killed while it registers large records: all it was told are registered run, in order, whatever is torn', async t => {
  for (const reports of sample([1, 2, 3, 4, 5, 6], 3)) {
    const { base, ledger } = freshPlace(t);
    const { child } = await startWorker(t, { base, ledger });
    child.send({ op: 'defer-endlessly', bytes: 500_000 });
    let last = -1;
    for (let seen = 0; seen < reports; seen++) last = await child.next<number>();
    await child.kill();
    const report = await sweep(base, { logger: null });
    assert.ok(['ran', 'torn'].includes(report.files[0]?.outcome ?? ''), report.files[0]?.outcome);
    assert.deepEqual([report.failed, report.pending], [0, 0]);
    const ran = read(ledger);
    assert.ok(ran.length > last, `${last} was registered, ${ran.length} ran`);
    assert.deepEqual(
      ran,
      Array.from(ran, (_, number) => String(number)),
    );
  }
});

test('the functions of a job that is open when its worker is killed are run even after jobs that ended well', async t => {
  const { base, ledger } = freshPlace(t);
  const { child } = await startWorker(t, { base, ledger, calls: [{ do: 'append', text: 'job' }] });
  await child.ask({ op: 'close' });
  await child.ask({ op: 'open' });
  assert.deepEqual(read(ledger), ['job']);
  await child.kill();
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.files[0]?.outcome], [1, 'ran']);
  assert.deepEqual(read(ledger), ['job', 'job']);
});

test('a worker that ends well leaves nothing for a sweep to do', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const { child } = await startWorker(t, { base, ledger, calls: twoCalls });
  await child.ask({ op: 'manager.close' });
  assert.deepEqual(read(ledger), ['first', 'second']);
  const report = await DeferredFunctionManager.cleanupWorker(base);
  assert.deepEqual(report.files, []);
  assert.equal(existsSync(directory), false);
});

/** It settles while the event loop handles what it has polled: the end of a pipe is not among that. */
const blocksInPoll = `data:text/javascript,${encodeURIComponent(`
  import { promises, readFileSync } from 'node:fs';
  export async function readFile(path) {
    await promises.stat('/');
    readFileSync(path);
  }`)}`;

for (const [how, module, name] of [
  ['at once', 'node:fs', 'readFileSync'],
  ['in the midst of a turn of the event loop', blocksInPoll, 'readFile'],
] as const)
  test(`a runner that was in a function when its sweeper died begins no other: it settles ${how}`, {
    skip: process.platform === 'linux' ? false : 'NOT TESTED: /proc names the runner on Linux only',
  }, async t => {
    const { base, put } = stateBase(t);
    const fifo = makeGate(base);
    const ledger = join(base, 'ledger');
    const append = { function: encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' }) };
    const blocks = { function: encode({ kind: 'module', module, export: name }) };
    // None of them lets the event loop turn: the runner has to do that between them.
    const others = Array.from({ length: 50 }, (_, index) => deferOf(index + 2, [ledger, 'other\n'], append));
    put(Buffer.concat(framesOf(headerOf(), deferOf(1, [fifo], blocks), ...others)));
    const sweeper = startChild(t, 'job-sweeper', { args: [JSON.stringify({ verb: 'sweep', base })] });
    const letThrough = await arrivalAt(fifo);
    const [runner = assert.fail('no runner')] = childrenOf(sweeper.pid);
    const runnerName = nameProcess(runner);
    await sweeper.kill();
    await letThrough();
    await until('the end of the runner', () => !isAlive(runnerName));
    assert.deepEqual(read(ledger), []);
    assert.equal((await sweepFreed(base)).ok, others.length);
  });
