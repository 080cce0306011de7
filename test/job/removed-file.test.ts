/** A state file that is removed, or whose directory is renamed, while its owner lives: nothing of the job is lost by it. */
import assert from 'node:assert/strict';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DeferredFunctionManager, type SweepReport, sweep } from '#dist/index.js';
import { replay } from '#dist/log/replay.js';
import { type Call, read, register } from '../helpers/calls.ts';
import { limitFileSize, prlimitMissing } from '../helpers/file-size-limit.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { type DeferAnswer, freshPlace, startWorker } from '../helpers/worker.ts';

const [a, b]: Call[] = ['a', 'b'].map(text => ({ do: 'append', text }));

test('nothing is lost when the directory is removed under a live worker: its next defer writes all into a fresh file', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const { child, path } = await startWorker(t, { base, ledger, calls: [a!] });
  rmSync(directory, { recursive: true });
  assert.deepEqual(await child.ask({ op: 'defer', call: b! }), { id: 2 });
  assert.equal(existsSync(path), false);
  assert.equal((await sweep(base, { logger: null })).live, 1);
  await child.kill();
  assert.equal((await sweep(base, { logger: null })).ok, 2);
  assert.deepEqual(read(ledger), ['a', 'b']);
});

test('what is written into a fresh file keeps the attempts it had, and what was cancelled stays so', async t => {
  const { base, ledger, directory } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null, maxAttempts: 2, retryDelayMs: 0 });
  const job = await manager.open();
  const tried = register(job, { do: 'throw', text: 'tried', message: 'no' }, ledger);
  register(job, a!, ledger).cancel();
  await tried.run();
  rmSync(directory, { recursive: true });
  register(job, b!, ledger);
  const [own] = (await job.close()).files;
  assert.deepEqual([own?.pending, own?.functions[0]?.attempt], [0, 2]);
  assert.deepEqual(read(ledger), ['tried', 'tried', 'b']);
});

test('a defer that finds no room for a fresh file is refused: all before it still run, the next one tries again, nothing is left', {
  skip: prlimitMissing,
}, async t => {
  const { base, ledger, directory } = freshPlace(t);
  const { child, path } = await startWorker(t, { base, ledger, calls: [a!] });
  const { size } = statSync(path);
  rmSync(directory, { recursive: true });
  // Room for the header, not for what was registered.
  limitFileSize(child.pid, size - 10);
  assert.equal((await child.ask<DeferAnswer>({ op: 'defer', call: b! })).code, 'DEFERRED_STATE_IO');
  limitFileSize(child.pid, Number.POSITIVE_INFINITY);
  assert.deepEqual(await child.ask({ op: 'defer', call: b! }), { id: 2 });
  await child.ask({ op: 'close' });
  await child.ask({ op: 'manager.close' });
  assert.deepEqual(read(ledger), ['a', 'b']);
  assert.deepEqual(readdirSync(directory), []);
});

test('a worker whose directory was removed runs its functions at the end of its job, and opens the next one', async t => {
  const { base, ledger, directory } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  for (const call of [a!, b!]) {
    const result = await manager.run((_defer, job) => {
      register(job, call, ledger);
      rmSync(directory, { recursive: true });
      return 42;
    });
    assert.equal(result, 42);
  }
  assert.deepEqual(read(ledger), ['a', 'b']);
});

test('what is written into a fresh file is run in the order of the job, last in first out, too', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const { child } = await startWorker(t, { base, ledger, calls: [a!, b!], options: { order: 'lifo' } });
  rmSync(directory, { recursive: true });
  await child.ask({ op: 'defer', call: { do: 'append', text: 'c' } });
  await child.kill();
  assert.equal((await sweep(base, { logger: null })).ok, 3);
  assert.deepEqual(read(ledger), ['c', 'b', 'a']);
});

/** A worker whose file was removed while the end of its job waits for its second function to be let through the gate. */
async function removedAtTheEnd(t: TestContext) {
  const { base, ledger, directory, root } = freshPlace(t);
  const fifo = makeGate(root);
  const calls: Call[] = [a!, { do: 'wait-for-fifo', text: 'gate', fifo }];
  const { child } = await startWorker(t, { base, ledger, calls });
  child.send({ op: 'start-close' });
  const letThrough = await arrivalAt(fifo);
  rmSync(directory, { recursive: true });
  return { base, ledger, fifo, child, letThrough };
}

test('what is deferred while a function runs whose file was removed is found when the owner dies', async t => {
  const { base, ledger, fifo, child, letThrough } = await removedAtTheEnd(t);
  assert.deepEqual(await child.ask({ op: 'defer', call: b! }), { id: 3 });
  await child.kill();
  await letThrough();
  const sweeping = sweep(base, { logger: null });
  await (await arrivalAt(fifo))();
  const [found] = (await sweeping).files;
  assert.deepEqual(
    found?.functions.map(ran => [ran.id, ran.outcome, ran.attempt]),
    [
      [2, 'ok', 2],
      [3, 'ok', 1],
    ],
  );
  assert.deepEqual(read(ledger), ['a', 'gate', 'gate', 'gate-end', 'b']);
});

test('the report of a job that went on in a fresh file at its end tells of all it ran', async t => {
  const { child, letThrough } = await removedAtTheEnd(t);
  await child.ask({ op: 'defer', call: b! });
  await letThrough();
  const { files, ok } = await child.ask<SweepReport>({ op: 'close' });
  assert.deepEqual([files[0]?.functions.map(ran => ran.id), ok], [[1, 2, 3], 3]);
});

test('what is written into a fresh file is run where the job began', async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  const { child } = await startWorker(t, { base, ledger });
  const began = realpathSync(process.cwd());
  await child.ask({ op: 'defer', call: { do: 'surroundings', text: 'in' } });
  await child.ask({ op: 'chdir', path: root });
  rmSync(directory, { recursive: true });
  await child.ask({ op: 'defer', call: b! });
  await child.kill();
  await sweep(base, { logger: null });
  assert.deepEqual(read(ledger), [`in ${began} undefined`, 'b']);
});

for (const [where, damage, left] of [
  ['its header', (_: Buffer) => 20, []],
  ['a function behind another', (bytes: Buffer) => bytes.lastIndexOf('appendFileSync'), ['a']],
] as const) {
  test(`a file that is damaged, too, in ${where}, is not left for a fresh one: registrations are refused, and the end keeps a copy`, async t => {
    const { base, ledger, directory } = freshPlace(t);
    await using manager = new DeferredFunctionManager(base, { logger: null });
    const job = await manager.open();
    for (const call of [a!, b!]) register(job, call, ledger);
    const fd = openSync(job.path, 'r+');
    writeSync(fd, 'damaged', damage(readFileSync(fd)));
    closeSync(fd);
    rmSync(directory, { recursive: true });
    for (let time = 0; time < 2; time++)
      assert.throws(() => register(job, b!, ledger), { code: 'DEFERRED_STATE_CORRUPT' });
    const [own] = (await job.close()).files;
    assert.ok(own!.damagedBytes! > 0);
    assert.ok(readFileSync(own!.deadLetter!).includes('damaged'));
    assert.deepEqual(readdirSync(directory), ['dead']);
    assert.deepEqual(read(ledger), left);
  });
}

test('what failed in a file that was removed is left in a fresh one, for others to try again', async t => {
  const { base, ledger, directory } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null, maxAttempts: 2, retryDelayMs: 0 });
  const job = await manager.open();
  register(job, { do: 'throw', text: 'tried', message: 'no' }, ledger);
  rmSync(directory, { recursive: true });
  const [own, ...others] = (await job.close()).files;
  assert.deepEqual([own?.pending, own?.functions[0]?.attempt, others], [1, 1, []]);
  assert.equal(existsSync(own!.path), true);
  const [found] = (await sweep(base, { logger: null })).files;
  assert.deepEqual([found?.path, found?.functions[0]?.attempt], [own!.path, 2]);
  assert.deepEqual(read(ledger), ['tried', 'tried']);
});

test('a worker whose directory was renamed goes on in a fresh one: nothing is run in the other', async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  const { child } = await startWorker(t, { base, ledger, calls: [a!] });
  const elsewhere = join(root, 'elsewhere');
  renameSync(base, elsewhere);
  assert.deepEqual(await child.ask({ op: 'defer', call: b! }), { id: 2 });
  await child.kill();
  assert.equal((await sweep(elsewhere, { logger: null })).ok, 0);
  assert.deepEqual(readdirSync(join(elsewhere, 'deferred')), []);
  assert.equal((await sweep(base, { logger: null })).ok, 2);
  assert.deepEqual(read(ledger), ['a', 'b']);
  assert.deepEqual(readdirSync(directory), []);
});

test('a job whose file was written over with an older copy of it runs what is there, and reports that something is missing', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  register(job, a!, ledger);
  const older = readFileSync(job.path);
  register(job, { do: 'append', text: 'missing' }, ledger);
  // As `rsync --inplace` and `cp` do: the file stays the same.
  writeFileSync(job.path, older);
  register(job, b!, ledger);
  const [own] = (await job.close()).files;
  assert.deepEqual(read(ledger), ['a', 'b']);
  assert.equal(own?.error?.code, 'DEFERRED_STATE_CORRUPT');
  assert.match(
    own.error.message,
    /^cannot run 1 of the functions that were registered in .*; find out which/,
  );
});

test('the next job finds a whole header in a fresh file whose header is longer than the one before', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const umask = process.umask(0o022);
  t.after(() => process.umask(umask));
  await using manager = new DeferredFunctionManager(base, { logger: null });
  await (await manager.open()).close();
  const job = await manager.open();
  process.umask(0o077);
  rmSync(directory, { recursive: true });
  register(job, a!, ledger);
  const fresh = job.path;
  await job.close();
  const next = await manager.open();
  register(next, b!, ledger);
  assert.equal(next.path, fresh);
  const { damagedBytes, functions } = replay(readFileSync(next.path));
  assert.deepEqual([damagedBytes, functions.size], [0, 1]);
  await next.close();
  assert.deepEqual(read(ledger), ['a', 'b']);
});
