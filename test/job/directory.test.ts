/** What else may happen to the directory: cleanups, leftovers, failing unlinks, chdir. */
import assert from 'node:assert/strict';
import {
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager, type SweepReport, sweep } from '#dist/index.js';
import { tryLock } from '#dist/lock/index.js';
import { type Call, read, register } from '../helpers/calls.ts';
import { startChild } from '../helpers/child.ts';
import { isFull } from '../helpers/size.ts';
import { stateBase } from '../helpers/state-bytes.ts';
import { callsLogged, strace, straceMissing } from '../helpers/strace.ts';
import { freshPlace, leaveOrphan, startWorker } from '../helpers/worker.ts';

const [a, b]: Call[] = ['a', 'b'].map(text => ({ do: 'append', text }));

test('a cleanup leaves a live worker its file and the directory; the worker goes on, and its death is cleaned up', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const { child, path } = await startWorker(t, { base, ledger, calls: [a!] });
  const report = await DeferredFunctionManager.cleanupWorker(base, { logger: null });
  assert.deepEqual([report.live, report.ok], [1, 0]);
  assert.equal(existsSync(path), true);
  await child.ask({ op: 'close' });
  await child.ask({ op: 'open' });
  await child.ask({ op: 'defer', call: b! });
  await child.kill();
  await DeferredFunctionManager.cleanupWorker(base, { logger: null });
  assert.deepEqual(read(ledger), ['a', 'a', 'b']);
  assert.equal(existsSync(directory), false);
});

const WORKERS = isFull ? 1000 : 25;

test(`${WORKERS} workers start and end while two processes clean up all the time: none fails, each runs its own once`, async t => {
  const { base, ledger, root } = freshPlace(t);
  // Of two cleaners one removes the directory while the other looks at it; through a link it has two names.
  const linked = join(root, 'linked');
  symlinkSync(base, linked);
  const cleaners = [base, linked].map(path => startChild(t, 'job-cleanup-loop', { args: [path] }));
  for (const cleaner of cleaners) await cleaner.next();
  const expected: string[] = [];
  for (let number = 0; number < WORKERS; number++) {
    expected.push(String(number));
    const manager = new DeferredFunctionManager(number % 2 ? base : linked, { logger: null });
    const job = await manager.open();
    register(job, { do: 'append', text: String(number) }, ledger);
    await job.close();
    await manager.close();
  }
  for (const cleaner of cleaners) {
    const { rounds, ran } = await cleaner.ask<{ rounds: number; ran: number }>({ op: 'stop' });
    assert.ok(rounds > WORKERS / 10, `only ${rounds} rounds`);
    assert.equal(ran, 0);
  }
  assert.deepEqual(read(ledger), expected);
});

test('what a worker leaves that dies while it sets up its file is removed by the next sweep', {
  skip: straceMissing,
}, async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  const log = join(root, 'strace.log');
  const under = [
    'strace',
    '-f',
    '-qq',
    '-o',
    log,
    '-e',
    'trace=rename',
    '-e',
    'inject=rename:error=EIO:signal=SIGKILL',
  ] as const;
  const child = startChild(t, 'job-worker', { args: [JSON.stringify({ base, ledger, calls: [a] })], under });
  await child.exited;
  assert.match(readdirSync(directory).join(), /^func\w+\.tmp$/);
  const report = await sweep(base, { logger: null });
  assert.deepEqual(
    report.files.map(file => file.outcome),
    ['unfinished'],
  );
  assert.deepEqual(readdirSync(directory), []);
});

test('an unfinished file is never run, whatever is in it', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const path = await leaveOrphan(t, { base, ledger, calls: [a!] });
  renameSync(path, `${path}.tmp`);
  await sweep(base, { logger: null });
  assert.deepEqual(read(ledger), []);
  assert.deepEqual(readdirSync(directory), []);
});

test('an unfinished file whose creator lives is left alone', async t => {
  const { base, ledger, directory } = freshPlace(t);
  await leaveOrphan(t, { base, ledger });
  const path = join(directory, 'func0.tmp');
  const fd = openSync(path, 'wx', 0o600);
  t.after(() => closeSync(fd));
  assert.equal(tryLock(fd), true);
  await DeferredFunctionManager.cleanupWorker(base, { logger: null });
  assert.equal(existsSync(path), true);
});

test('a file that has the name of an unfinished one and that no creator leaves is refused, and stays', async t => {
  const { base, put } = stateBase(t);
  const path = put(Buffer.from('the only copy of my notes\n'), 'func0.tmp');
  for (let time = 0; time < 2; time++) {
    const { files } = await DeferredFunctionManager.cleanupWorker(base, { logger: null });
    assert.deepEqual(
      files.map(({ outcome, error }) => [outcome, error?.code]),
      [['refused', 'DEFERRED_UNSAFE_FILE']],
    );
  }
  assert.equal(readFileSync(path, 'utf8'), 'the only copy of my notes\n');
});

test('files of others in the directory are not looked at', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const path = await leaveOrphan(t, { base, ledger, calls: [a!] });
  copyFileSync(path, join(directory, '.nfs0001'));
  await sweep(base, { logger: null });
  assert.deepEqual(read(ledger), ['a']);
  assert.equal(existsSync(join(directory, '.nfs0001')), true);
});

test('a file that cannot be unlinked is run once and reported; later sweeps run nothing and remove it', {
  skip: straceMissing,
}, async t => {
  const { base, ledger, root } = freshPlace(t);
  const path = await leaveOrphan(t, { base, ledger, calls: [a!, b!] });
  for (const verb of ['sweep', 'cleanup'] as const) {
    const log = join(root, `strace-${verb}.log`);
    const child = startChild(t, 'job-sweeper', {
      args: [JSON.stringify({ verb, base })],
      under: strace({ path, inject: 'unlink,unlinkat:error=EACCES', log }),
    });
    const report = await child.next<SweepReport>();
    await child.closed;
    assert.ok(callsLogged(log).length > 0);
    assert.match(report.files[0]?.error?.message ?? '', /EACCES/);
    assert.equal(report.files[0]?.isRetired, false);
    assert.deepEqual(read(ledger), ['a', 'b']);
    // So that nothing of it could run again even if its marks had not found room.
    assert.equal(readFileSync(path, 'latin1').includes('appendFileSync'), false);
  }
  await sweep(base);
  assert.equal(existsSync(path), false);
  assert.deepEqual(read(ledger), ['a', 'b']);
});

test("removing a dead creator's leftover is no reason to list again: creators cannot be chased for ever", {
  skip: straceMissing,
}, async t => {
  const { base, directory, root } = freshPlace(t);
  mkdirSync(directory, { mode: 0o700 });
  const leftover = join(directory, 'func0.tmp');
  writeFileSync(leftover, '', { mode: 0o600 });
  const log = join(root, 'strace.log');
  const child = startChild(t, 'job-sweeper', {
    args: [JSON.stringify({ verb: 'sweep', base })],
    under: ['strace', '-f', '-qq', '-o', log, '-P', directory, '-e', 'trace=openat'],
  });
  const report = await child.next<SweepReport>();
  await child.closed;
  assert.equal(report.files[0]?.outcome, 'unfinished');
  assert.equal(existsSync(leftover), false);
  assert.equal(callsLogged(log).filter(line => line.includes('O_DIRECTORY')).length, 1);
});

test('an orphan that appears during a sweep is run by it, also with the inode number of one that is gone', async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  const [empty, kept] = [join(root, 'empty'), join(root, 'kept')];
  renameSync(await leaveOrphan(t, { base, ledger }), empty);
  renameSync(await leaveOrphan(t, { base, ledger, calls: [a!] }), kept);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  const registration = job.defer(copyFileSync, kept, join(directory, 'funcz'));
  copyFileSync(job.path, join(directory, 'funcy'));
  registration.cancel();
  // Sorted before it, a batch of files that are gone by the time it runs.
  for (let number = 0; number < 64; number++) copyFileSync(empty, join(directory, `func0${number}`));
  const report = await sweep(base, { logger: null });
  assert.equal(report.ok, 2);
  assert.deepEqual(read(ledger), ['a']);
});

test('a relative base directory means the same after the job changed its working directory', async t => {
  const { base, ledger, root } = freshPlace(t);
  const elsewhere = join(root, 'elsewhere');
  mkdirSync(elsewhere);
  const { child, path } = await startWorker(t, { base: 'base', ledger, calls: [a!] }, { cwd: root });
  assert.ok(path.startsWith(base));
  await child.ask({ op: 'chdir', path: elsewhere });
  await child.ask({ op: 'defer', call: b! });
  const report = await child.ask<SweepReport>({ op: 'close' });
  assert.deepEqual([report.ok, report.failed], [2, 0]);
  await child.ask({ op: 'open' });
  await child.kill();
  assert.equal((await sweep(base)).ok, 1);
  assert.deepEqual(read(ledger), ['a', 'b', 'a']);
  assert.deepEqual(readdirSync(elsewhere), []);
});

test('a directory that is not there is nothing to do, and is not made', async t => {
  const { root } = freshPlace(t);
  const base = join(root, 'never');
  assert.deepEqual((await sweep(base)).files, []);
  assert.deepEqual((await DeferredFunctionManager.cleanupWorker(base)).files, []);
  assert.equal(existsSync(base), false);
});
