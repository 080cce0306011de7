import assert from 'node:assert/strict';
import { existsSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type SweepReport, sweep } from '#dist/index.js';
import { encode } from '#dist/value/codec.js';
import { type Call, read } from '../helpers/calls.ts';
import { type Child, startChild } from '../helpers/child.ts';
import { arrivalAt, makeGate, queueAt } from '../helpers/gate.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';
import { freshPlace, leaveOrphan, leaveStranded, startWorker, sweepElsewhere } from '../helpers/worker.ts';

test('each function of an orphan has its own outcome in the report', async t => {
  const { base, ledger } = freshPlace(t);
  const calls: Call[] = [
    { do: 'append', text: '1' },
    { do: 'throw', text: '2', message: 'no' },
    { do: 'hang-idle', text: '3' },
    { do: 'append', text: '4' },
  ];
  await leaveOrphan(t, { base, ledger, calls, options: { maxAttempts: 1 } });
  const report = await sweep(base, { logger: null, timeoutMs: 300, killGraceMs: 100 });
  const [file] = report.files;
  assert.deepEqual(read(ledger), ['1', '2', '3', '4']);
  assert.deepEqual(
    file?.functions.map(({ id, outcome }) => [id, outcome]),
    [
      [1, 'ok'],
      [2, 'failed'],
      [3, 'timed-out'],
      [4, 'ok'],
    ],
  );
  assert.deepEqual(
    [report.ok, report.failed, report.pending, file?.outcome, file?.isRetired],
    [2, 2, 0, 'ran', true],
  );
});

test(`a deadline stops a sweep, the function in progress too, and the rest stays registered`, async t => {
  const { base, ledger } = freshPlace(t);
  const calls: Call[] = [
    { do: 'append', text: '1' },
    { do: 'hang-idle', text: '2' },
    { do: 'append', text: '3' },
    { do: 'append', text: '4' },
  ];
  await leaveOrphan(t, { base, ledger, calls });
  const report = await sweep(base, { logger: null, deadlineMs: 3000, killGraceMs: 100 });
  assert.deepEqual(read(ledger), ['1', '2']);
  assert.deepEqual([report.isComplete, report.ok, report.failed, report.pending], [false, 1, 1, 3]);
  assert.ok(report.ms < 20_000, `${report.ms} ms`);
  await sweep(base, { logger: null, timeoutMs: 300, killGraceMs: 100 });
  assert.deepEqual(read(ledger), ['1', '2', '2', '3', '4']);
});

test(`an abort stops a sweep between two functions, and the rest stays registered`, async t => {
  const { base, ledger, root } = freshPlace(t);
  const fifo = makeGate(root);
  const { calls, lines } = queueAt(fifo);
  await leaveOrphan(t, { base, ledger, calls });
  const abort = new AbortController();
  const sweeping = sweep(base, { logger: null, signal: abort.signal });
  const letThrough = await arrivalAt(fifo);
  abort.abort();
  await letThrough();
  const report = await sweeping;
  assert.equal(report.isComplete, false);
  assert.ok(report.ok > 0 && report.pending > 0, `${report.ok} ok, ${report.pending} pending`);
  assert.deepEqual([report.failed, report.ok + report.pending], [0, calls.length]);
  assert.deepEqual(read(ledger), lines.slice(0, report.ok + 1));
  assert.equal((await sweep(base)).ok, report.pending);
  assert.deepEqual(read(ledger), lines);
});

test('a sweep with a signal that is aborted already runs nothing', async t => {
  const { base, ledger } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'append', text: '1' }] });
  const report = await sweep(base, { logger: null, signal: AbortSignal.abort() });
  assert.deepEqual([report.isComplete, report.ok], [false, 0]);
  assert.deepEqual(read(ledger), []);
});

test("an orphan's functions run with the Node options and in the directory of their owner", async t => {
  const { base, ledger, root } = freshPlace(t);
  const expected: string[] = [];
  const owners: Child[] = [];
  for (const name of ['one', 'two']) {
    const hook = join(root, `${name}.mjs`);
    const cwd = join(root, name);
    mkdirSync(cwd);
    writeFileSync(hook, `globalThis.hooked = '${name}';\n`);
    const plan = { base, ledger, calls: [{ do: 'surroundings', text: 'ran' }] } as const;
    owners.push((await startWorker(t, plan, { cwd, execArgv: ['--import', hook] })).child);
    expected.push(`ran ${realpathSync(cwd)} ${name}`);
  }
  for (const owner of owners) await owner.kill();
  await sweep(base);
  assert.deepEqual(read(ledger), expected);
});

test('a function whose owner had restricted rights is not run without that restriction, though no runner starts with it', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const call = deferOf(1, [ledger, 'ran\n'], {
    function: encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' }),
  });
  // Under it the runner may not even read itself.
  const path = put(
    Buffer.concat(framesOf(headerOf({ execArgv: ['--experimental-permission'], isRestricted: true }), call)),
  );
  const [file] = (await sweep(base, { logger: null })).files;
  const [left] = file?.functions ?? [];
  assert.deepEqual([file?.pending, left?.outcome, left?.error?.code], [1, 'crashed', 'DEFERRED_CRASHED']);
  assert.deepEqual(read(ledger), []);
  assert.equal(existsSync(path), true);
});

test('a loader of the owner that is gone, and its directory that is gone, keep no function from running', async t => {
  const place = freshPlace(t);
  const { base, ledger } = place;
  await leaveStranded(t, place, [{ do: 'surroundings', text: 'ran' }]);
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.failed, report.pending], [1, 0, 0]);
  assert.deepEqual(read(ledger), ['ran nowhere undefined']);
  assert.deepEqual(report.files[0]?.functions[0]?.notes, ['without-loaders', 'directory-gone']);
});

/** Kills every runner it is loaded into before it has run a function. */
const killer = `if (process.argv[1]?.endsWith('runner/main.js')) process.kill(process.pid, 'SIGKILL');`;

test("an option of the owner's that kills every runner before its first function keeps none from running", async t => {
  const { base, ledger, root } = freshPlace(t);
  const hook = join(root, 'killer.mjs');
  writeFileSync(hook, killer);
  await leaveOrphan(
    t,
    { base, ledger, calls: [{ do: 'append', text: '1' }] },
    { execArgv: ['--import', hook] },
  );
  const report = await sweepElsewhere(t, { verb: 'sweep', base });
  assert.deepEqual([report.ok, report.failed, report.pending], [1, 0, 0]);
  assert.deepEqual(read(ledger), ['1']);
});

test("what is in the sweeper's NODE_OPTIONS does not reach its runners", async t => {
  const { base, ledger, root } = freshPlace(t);
  const hook = join(root, 'killer.mjs');
  writeFileSync(hook, killer);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'append', text: '1' }] });
  const child = startChild(t, 'job-sweeper', {
    args: [JSON.stringify({ verb: 'sweep', base })],
    env: { NODE_OPTIONS: `--import ${hook}` },
  });
  const report = await child.next<SweepReport>();
  await child.closed;
  assert.deepEqual([report.ok, report.failed, report.pending], [1, 0, 0]);
  assert.deepEqual(read(ledger), ['1']);
});
