/** Every wait has an end that its caller set; retries wait; sweeps may be left out, or go on beside a job. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { type Call, read } from '../helpers/calls.ts';
import type { Child } from '../helpers/child.ts';
import { commandLinePath, plainEnvironment } from '../helpers/command-line.ts';
import { prlimitMissing } from '../helpers/file-size-limit.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { NOBODY, notForOthers } from '../helpers/other-user.ts';
import { onlyFull } from '../helpers/size.ts';
import { freshPlace, leaveOrphan, startWorker, type WorkerPlan } from '../helpers/worker.ts';

const hangs: Call = { do: 'hang-busy', text: 'hangs' };
const fails: Call = { do: 'throw', text: 'fails', message: 'no' };
const a: Call = { do: 'append', text: 'a' };

test('maxTimeoutMs ends a function whose owner set no limit', async t => {
  const { base, ledger } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [hangs, a], options: { timeoutMs: 0 } });
  const report = await sweep(base, { logger: null, maxTimeoutMs: 300, killGraceMs: 100 });
  assert.deepEqual([report.ok, report.failed, report.files[0]?.functions[0]?.outcome], [1, 1, 'timed-out']);
  assert.deepEqual(read(ledger), ['hangs', 'a']);
});

test('a deadline ends a sweep with its runner, though the owner set no limit', async t => {
  const { base, ledger } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [hangs, a], options: { timeoutMs: 0 } });
  const report = await DeferredFunctionManager.cleanupWorker(base, {
    logger: null,
    deadlineMs: 3000,
    killGraceMs: 100,
  });
  assert.deepEqual([report.isComplete, report.failed, report.pending], [false, 1, 2]);
  assert.ok(report.ms < 20_000, `${report.ms} ms`);
});

test('a function that registers itself again and again ends its sweep after a hundred times', {
  skip: onlyFull,
}, async t => {
  const { base, ledger, root } = freshPlace(t);
  const path = join(root, 'again.mjs');
  writeFileSync(
    path,
    `import { appendFileSync } from 'node:fs';
    import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
    export async function again(ledger, text) {
      appendFileSync(ledger, text);
      const job = await new DeferredFunctionManager(${JSON.stringify(base)}, { logger: null }).open();
      job.defer(again, ledger, text);
    }`,
  );
  const call: Call = { do: 'module', module: pathToFileURL(path).href, export: 'again', text: 'again' };
  await leaveOrphan(t, { base, ledger, calls: [call] });
  const report = await sweep(base, { logger: null });
  assert.equal(report.isComplete, false);
  assert.equal(read(ledger).length, 100);
});

test('a sweep that is killed keeps no reader of its output waiting, whatever its runner does', async t => {
  const { base, ledger } = freshPlace(t);
  await leaveOrphan(t, {
    base,
    ledger,
    calls: [{ do: 'hang-idle', text: 'hangs' }],
    options: { timeoutMs: 20_000 },
  });
  const line = `timeout -s KILL 3 '${process.execPath}' '${commandLinePath}' '${base}' 2>&1 | cat`;
  const startMs = performance.now();
  spawnSync('sh', ['-c', line], { env: plainEnvironment(), timeout: 60_000 });
  assert.ok(performance.now() - startMs < 15_000);
});

test('two runners run functions of two files at the same time', async t => {
  const { base, ledger, root } = freshPlace(t);
  const other = freshPlace(t);
  const gates = [makeGate(root), makeGate(other.root)];
  const owners: Child[] = [];
  for (const fifo of gates) {
    const plan: WorkerPlan = { base, ledger, calls: [{ do: 'wait-for-fifo', text: 'waits', fifo }] };
    owners.push((await startWorker(t, plan)).child);
  }
  for (const owner of owners) await owner.kill();
  const sweeping = sweep(base, { logger: null, concurrency: 2 });
  // Neither gate is opened before both functions have come to one.
  const letThrough = await Promise.all(gates.map(arrivalAt));
  for (const open of letThrough) await open();
  assert.equal((await sweeping).ok, 2);
});

test('a function that failed waits for its next attempt, longer each time; a cleanup waits with it', async t => {
  const { base, ledger } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [fails], options: { retryDelayMs: 600_000 } });
  assert.equal((await sweep(base, { logger: null })).failed, 1);
  const [waiting] = (await sweep(base, { logger: null })).files;
  assert.deepEqual([waiting?.outcome, waiting?.pending, waiting?.functions], ['waiting', 1, []]);
  assert.ok(waiting!.retryInMs! > 500_000 && waiting!.retryInMs! <= 600_000);
  assert.equal((await sweep(base, { logger: null, retryDelayMs: 0 })).failed, 1);
  const [longer] = (await sweep(base, { logger: null })).files;
  assert.ok(longer!.retryInMs! > 1_000_000);
  const cut = await DeferredFunctionManager.cleanupWorker(base, { logger: null, deadlineMs: 500 });
  assert.deepEqual([cut.isComplete, cut.pending], [false, 1]);
  const report = await DeferredFunctionManager.cleanupWorker(base, { logger: null, retryDelayMs: 50 });
  assert.deepEqual([report.failed, report.pending], [1, 0]);
  assert.deepEqual(read(ledger), ['fails', 'fails', 'fails']);
});

test('a job opens without a sweep, or beside one that its manager ends', async t => {
  const { base, ledger, root } = freshPlace(t);
  const fifo = makeGate(root);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'wait-for-fifo', text: 'waits', fifo }, a] });
  const manager = new DeferredFunctionManager(base, { logger: null });
  const none = await manager.open({ sweep: 'none' });
  assert.deepEqual([none.sweepReport.files, none.sweepReport.isComplete], [[], false]);
  await manager.open({ sweep: 'background' });
  const letThrough = await arrivalAt(fifo);
  const closing = manager.close();
  await letThrough();
  await closing;
  assert.deepEqual(read(ledger).slice(0, 2), ['waits', 'waits-end']);
  await assert.rejects(new DeferredFunctionManager(base).open({ sweep: 'never' as 'none' }), TypeError);
});

test('where no process can be started, that is told, no attempt is counted, and nothing keeps the sweeper', {
  skip: notForOthers || prlimitMissing,
}, t => {
  const directory = freshDirectory(t);
  chownSync(directory, NOBODY, NOBODY);
  const base = JSON.stringify(join(directory, 'base'));
  const run = (code: string) => {
    const text = `import { spawnSync } from 'node:child_process';
      import { DeferredFunctionManager, list, sweep } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
      ${code}`;
    const asNobody = { uid: NOBODY, gid: NOBODY, cwd: directory, encoding: 'utf8' } as const;
    return spawnSync(process.execPath, ['--input-type=module', '-e', text], asNobody);
  };
  run(
    `(await new DeferredFunctionManager(${base}).open()).defer(String, ''); process.kill(process.pid, 'SIGKILL');`,
  );
  const { stdout, stderr } = run(`
    spawnSync('prlimit', ['--pid', String(process.pid), '--nproc=1']);
    const { pending, failed, files } = await sweep(${base}, { logger: null });
    const attempts = (await list(${base})).files[0].functions[0].attempts.length;
    const left = process.getActiveResourcesInfo().filter(name => name === 'Timeout');
    console.log(JSON.stringify([pending, failed, attempts, left, files[0].error.message]));`);
  const why = `the runner process could not be started before it ran a function: ${process.execPath}: resource temporarily unavailable (EAGAIN); raise the limit of processes (ulimit -u)`;
  assert.deepEqual(JSON.parse(stdout || '[]'), [1, 0, 0, [], `cannot run orphans: ${why}`], stderr);
});

test('an application that has Node in it starts no runner, says so, and counts no attempt', async t => {
  const { base, ledger } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [a] });
  // What Electron says of itself. It would start itself.
  const text = `Object.defineProperty(process.versions, 'electron', { value: '40.0.0' });
    const { list, sweep } = await import(${JSON.stringify(import.meta.resolve('#dist/index.js'))});
    const { pending, files } = await sweep(${JSON.stringify(base)}, { logger: null });
    const attempts = (await list(${JSON.stringify(base)})).files[0].functions[0].attempts.length;
    console.log(JSON.stringify([pending, attempts, files[0].error.message]));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    encoding: 'utf8',
  });
  const [pending, attempts, message] = JSON.parse(stdout || '[]') as [number, number, string];
  assert.deepEqual([pending, attempts], [1, 0], stderr);
  assert.match(
    message,
    /is Electron or a single executable application, .*; sweep with the command deferred-sweep$/,
  );
  assert.equal((await sweep(base, { logger: null })).ok, 1);
});
