/**
 * One system call of a process fails, once or for good; `test/torture/failing` does it to all of them. A mark that could
 * not be written is not the end of what is known: whoever ran a function says so later, and it does not run again.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type SweepReport, sweep } from '#dist/index.js';
import { type Call, read } from '../helpers/calls.ts';
import { startChild } from '../helpers/child.ts';
import { commandLinePath } from '../helpers/command-line.ts';
import { limitFileSize, prlimitMissing } from '../helpers/file-size-limit.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { attachStrace, callsLogged, strace, straceMissing } from '../helpers/strace.ts';
import {
  type DeferAnswer,
  freshPlace,
  leaveOrphan,
  type Place,
  type SweeperPlan,
  startWorker,
} from '../helpers/worker.ts';

const skip = straceMissing;
const a: Call = { do: 'append', text: 'a' };
const b: Call = { do: 'append', text: 'b' };
const fails: Call = { do: 'throw', text: 'fails', message: 'no' };

/** Sweeps once while calls on one path fail; asserts that some did. */
async function sweepTampered(
  t: TestContext,
  { base, root }: Place,
  path: string,
  inject: string | string[],
  options: SweeperPlan['options'] = {},
): Promise<SweepReport> {
  const log = join(root, 'strace.log');
  const child = startChild(t, 'job-sweeper', {
    args: [JSON.stringify({ verb: 'sweep', base, options })],
    under: strace({ path, inject, log }),
  });
  const report = await child.next<SweepReport>();
  await child.closed;
  assert.ok(
    callsLogged(log).some(line => line.endsWith('(INJECTED)')),
    'something failed',
  );
  return report;
}

/** The command line, while calls on one path fail. */
function runTampered(args: readonly string[], path: string, inject: string, log: string) {
  const [program, ...options] = strace({ path, inject, log });
  const ended = spawnSync(program, [...options, process.execPath, commandLinePath, ...args], {
    encoding: 'utf8',
  });
  return { ...ended, said: JSON.parse(ended.stdout) as SweepReport & { error?: { code?: string } } };
}

// The function that fails keeps the file alive. After the runner's claim its attempt takes two writes, the other one the
// next two.
for (const [where, inject] of [
  ['its mark', 'write:error=EIO:when=5'],
  ['its start, the quota used up', 'write:error=EDQUOT:when=4'],
] as const) {
  test(`a function that ran does not run again because a write failed: ${where}`, {
    skip,
  }, async t => {
    const place = freshPlace(t);
    const path = await leaveOrphan(t, { ...place, calls: [fails, a] });
    const report = await sweepTampered(t, place, path, inject);
    assert.deepEqual([report.ok, report.failed, report.pending], [1, 1, 1]);
    await sweep(place.base, { logger: null });
    assert.deepEqual(read(place.ledger), ['fails', 'a', 'fails']);
  });
}

test('a mark that failed is written before a runner ends because of what the function did to its language', {
  skip,
}, async t => {
  const place = freshPlace(t);
  const changes: Call = {
    do: 'module',
    module: `data:text/javascript,${encodeURIComponent(`
      import { appendFileSync } from 'node:fs';
      export const change = (ledger, text) => { appendFileSync(ledger, text); Object.prototype.changed = 1; };`)}`,
    export: 'change',
    text: 'changes',
  };
  const path = await leaveOrphan(t, { ...place, calls: [changes, b] });
  // Behind its claim and the start.
  const report = await sweepTampered(t, place, path, 'write:error=EIO:when=3');
  assert.deepEqual([report.ok, report.failed, report.pending], [2, 0, 0]);
  await sweep(place.base, { logger: null, retryDelayMs: 0 });
  assert.deepEqual(read(place.ledger), ['changes', 'b']);
});

test('a function whose start cannot be marked is left, and the report says why', { skip }, async t => {
  const place = freshPlace(t);
  const path = await leaveOrphan(t, { ...place, calls: [a] });
  const report = await sweepTampered(t, place, path, 'write:error=EIO:when=2');
  const [file] = report.files;
  assert.deepEqual([file?.error?.code, file?.isRetired, file?.pending], ['DEFERRED_STATE_IO', false, 1]);
  assert.match(file!.error!.message, /EIO/);
  assert.deepEqual(read(place.ledger), []);
});

test('a file that takes no claim, of the sweeper or its runner, is run all the same', { skip }, async t => {
  const place = freshPlace(t);
  const path = await leaveOrphan(t, { ...place, calls: [a] });
  const report = await sweepTampered(t, place, path, 'write:error=EIO:when=1');
  assert.deepEqual([report.ok, report.files[0]?.isRetired], [1, true]);
  assert.deepEqual(read(place.ledger), ['a']);
});

test('a mark that failed at the end of its own job is written before the file is left to others', {
  skip,
}, async t => {
  const place = freshPlace(t);
  const log = join(place.root, 'strace.log');
  const { child, path } = await startWorker(t, { ...place, calls: [fails, a] });
  const inject = 'write:error=EIO:when=4';
  const { ended } = await attachStrace(child.pid, [
    '-o',
    log,
    '-P',
    path,
    '-e',
    'trace=write',
    '-e',
    `inject=${inject}`,
  ]);
  await child.ask({ op: 'close' });
  await child.kill();
  await ended;
  await sweep(place.base, { logger: null });
  assert.deepEqual(read(place.ledger), ['fails', 'a', 'fails']);
});

test('a mark that failed in a runner is written by it before it ends, though its sweeper is dead', {
  skip,
}, async t => {
  const place = freshPlace(t);
  const fifo = makeGate(place.root);
  const path = await leaveOrphan(t, {
    ...place,
    calls: [fails, { do: 'wait-for-fifo', text: 'last', fifo }],
  });
  const plan: SweeperPlan = { verb: 'sweep', base: place.base, waits: true };
  const child = startChild(t, 'job-sweeper', { args: [JSON.stringify(plan)] });
  await child.next();
  const log = join(place.root, 'log');
  const inject = 'write:error=EIO:when=5';
  const options = ['-f', '-o', log, '-P', path, '-e', 'trace=write', '-e', `inject=${inject}`];
  const { ended } = await attachStrace(child.pid, options);
  child.send('go');
  const letThrough = await arrivalAt(fifo);
  await child.kill();
  await letThrough();
  await ended;
  assert.match(readFileSync(log, 'utf8'), /INJECTED/);
  await sweep(place.base, { logger: null });
  assert.deepEqual(read(place.ledger), ['fails', 'last', 'last-end', 'fails']);
});

test('a function that must not run twice and found no room to say that it was started is not said to be, once there is', {
  skip,
}, async t => {
  const place = freshPlace(t);
  const path = await leaveOrphan(t, { ...place, calls: [a, b], options: { delivery: 'at-most-once' } });
  const report = await sweepTampered(t, place, path, 'write:error=ENOSPC:when=2');
  assert.deepEqual([report.ok, report.failed, report.pending], [1, 0, 1]);
  assert.match(
    report.files[0]?.error?.message ?? '',
    /at most once: its file has no room .* it stays registered/,
  );
  assert.equal((await sweep(place.base, { logger: null })).ok, 1);
  assert.deepEqual(read(place.ledger), ['b', 'a']);
});

test('where locks do nothing, nothing of a live worker is run and no job is opened', { skip }, async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  const { path } = await startWorker(t, { base, ledger, calls: [a] });
  const ended = runTampered(['sweep', '--json', base], path, 'flock:retval=0', join(root, 'log'));
  assert.deepEqual([ended.status, ended.said.error?.code], [3, 'DEFERRED_LOCK_INEFFECTIVE']);
  assert.deepEqual(read(ledger), []);
  const elsewhere = join(root, 'elsewhere');
  const under = ['strace', '-f', '-qq', '-o', join(root, 'log'), '-e', 'inject=flock:retval=0'] as const;
  const child = startChild(t, 'job-worker', { args: [JSON.stringify({ base: elsewhere, ledger })], under });
  await assert.rejects(child.next(), /DEFERRED_LOCK_INEFFECTIVE/);
  assert.deepEqual(readdirSync(join(elsewhere, 'deferred')), []);
  assert.deepEqual(readdirSync(directory), [basename(path)]);
});

test('a lock that the kernel cannot decide at first is asked for again; one that it never decides costs its file alone', {
  skip,
}, async t => {
  const place = freshPlace(t);
  const { child, path } = await startWorker(t, { ...place, calls: [a] });
  await leaveOrphan(t, { ...place, calls: [b] });
  await child.kill();
  const sick = await sweepTampered(t, place, path, 'flock:error=ENOLCK');
  assert.deepEqual([sick.ok, sick.files[0]?.error?.code], [1, 'DEFERRED_LOCK_FAILED']);
  const recovered = await sweepTampered(t, place, path, 'flock:error=ENOLCK:when=1');
  assert.deepEqual([recovered.ok, recovered.files[0]?.error], [1, undefined]);
  assert.deepEqual(read(place.ledger), ['b', 'a']);
});

test('a job is opened as soon as the kernel can decide a lock, and not at all when it never can', {
  skip,
}, async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  const log = join(root, 'log');
  const under = (inject: string) => ['strace', '-f', '-qq', '-o', log, '-e', `inject=${inject}`] as const;
  const args = [JSON.stringify({ base, ledger })];
  await startChild(t, 'job-worker', { args, under: under('flock:error=ENOLCK:when=1') }).next();
  const child = startChild(t, 'job-worker', { args, under: under('flock:error=ENOLCK') });
  await assert.rejects(child.next(), /DEFERRED_LOCK_FAILED/);
  assert.equal(readdirSync(directory).length, 1);
});

test('a sweeper whose mark fails does not cut off the marks of its runner', { skip }, async t => {
  const place = freshPlace(t);
  const exits: Call = { do: 'exit', text: 'exits', code: 1 };
  const path = await leaveOrphan(t, { ...place, calls: [a, exits, b], options: { maxAttempts: 2 } });
  const plan: SweeperPlan = { verb: 'sweep', base: place.base, waits: true };
  const child = startChild(t, 'job-sweeper', { args: [JSON.stringify(plan)] });
  await child.next();
  // The runner is not traced: this is the mark that it exited in the second function, whenever that is tried.
  const log = join(place.root, 'log');
  const inject = 'write:error=EIO:when=2+';
  const options = ['-o', log, '-P', path, '-e', 'trace=write', '-e', `inject=${inject}`];
  const { ended } = await attachStrace(child.pid, options);
  const report = await child.ask<SweepReport>('go');
  await ended;
  assert.match(readFileSync(log, 'utf8'), /INJECTED/);
  assert.deepEqual([report.ok, report.failed, report.pending], [2, 1, 1]);
  await sweep(place.base, { logger: null });
  assert.deepEqual(read(place.ledger), ['a', 'exits', 'b', 'exits']);
});

test('a cleanup ends though no attempt of a function that fails finds room to be counted', {
  skip: prlimitMissing,
}, async t => {
  const place = freshPlace(t);
  const path = await leaveOrphan(t, { ...place, calls: [fails] });
  const plan: SweeperPlan = { verb: 'cleanup', base: place.base, waits: true };
  const child = startChild(t, 'job-sweeper', { args: [JSON.stringify(plan)] });
  await child.next();
  // Less than a mark takes.
  limitFileSize(child.pid, statSync(path).size + 10);
  const report = await child.ask<SweepReport>('go');
  assert.deepEqual([report.failed, report.pending], [1, 1]);
  assert.equal(report.files[0]?.error?.code, 'DEFERRED_STATE_IO');
  assert.deepEqual(read(place.ledger), ['fails']);
});

test('a quota that takes half of a start mark keeps no function from running', {
  skip: straceMissing || prlimitMissing,
}, async t => {
  const place = freshPlace(t);
  const { child, path } = await startWorker(t, { ...place, calls: [a, b] });
  // The first write is short, as at the end of a block. What the system says of the next byte is said of a quota instead.
  limitFileSize(child.pid, statSync(path).size + 10);
  const log = join(place.root, 'strace.log');
  const calls = ['-e', 'trace=write', '-e', 'inject=write:error=EDQUOT:when=2+'];
  const { ended } = await attachStrace(child.pid, ['-o', log, '-P', path, ...calls]);
  const report = await child.ask<SweepReport>({ op: 'close' });
  assert.deepEqual([report.ok, report.pending], [2, 0]);
  assert.deepEqual(read(place.ledger), ['a', 'b']);
  await child.kill();
  await ended;
});

test('a damaged file of which no copy can be made is neither run nor removed', { skip }, async t => {
  const place = freshPlace(t);
  const path = await leaveOrphan(t, { ...place, calls: [a, b] });
  const bytes = readFileSync(path);
  // In the last function. How long the header is depends on Node.
  bytes[bytes.lastIndexOf('append')]! ^= 0xff;
  writeFileSync(path, bytes);
  const copy = join(place.directory, 'dead', `${basename(path)}.damaged`);
  const report = await sweepTampered(t, place, `${copy}.tmp`, 'openat:error=EACCES');
  assert.deepEqual(
    [report.files[0]?.outcome, report.files[0]?.error?.code],
    ['refused', 'DEFERRED_STATE_IO'],
  );
  assert.deepEqual(read(place.ledger), []);
  assert.deepEqual(readFileSync(path), bytes);
  await sweep(place.base, { logger: null });
  assert.deepEqual(readFileSync(copy), bytes);
  assert.equal(existsSync(path), false);
});

test('a directory that cannot be read is DEFERRED_STATE_IO', { skip }, async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [a] });
  const ended = runTampered(['sweep', '--json', base], directory, 'getdents64:error=EIO', join(root, 'log'));
  assert.deepEqual([ended.status, ended.said.error?.code], [3, 'DEFERRED_STATE_IO']);
  assert.deepEqual(read(ledger), []);
});

test('a file that cannot be removed ends the command line with 1', { skip }, async t => {
  const { base, ledger, root } = freshPlace(t);
  const path = await leaveOrphan(t, { base, ledger, calls: [a] });
  const ended = runTampered(
    ['sweep', '--json', base],
    path,
    'unlink,unlinkat:error=EACCES',
    join(root, 'log'),
  );
  assert.deepEqual([ended.status, ended.said.ok, ended.said.failed], [1, 1, 0]);
});

test('a file that takes no mark and cannot be removed is emptied: nothing in it runs again', {
  skip,
}, async t => {
  const place = freshPlace(t);
  const path = await leaveOrphan(t, { ...place, calls: [a] });
  // Of the runner: its claim and the start are written.
  const report = await sweepTampered(t, place, path, [
    'write:error=EIO:when=3+',
    'unlink,unlinkat:error=EACCES',
  ]);
  assert.deepEqual([report.ok, report.files[0]?.error?.code], [1, 'DEFERRED_STATE_IO']);
  await sweep(place.base, { logger: null });
  assert.deepEqual(read(place.ledger), ['a']);
  assert.equal(existsSync(path), false);
});

test('what was run is reported though the directory cannot be read again, or not be removed', {
  skip,
}, async t => {
  for (const inject of ['getdents64:error=EIO:when=3', 'rmdir:error=EROFS']) {
    const { base, ledger, directory, root } = freshPlace(t);
    await leaveOrphan(t, { base, ledger, calls: [a] });
    const args = ['cleanup', '--json', base];
    const ended = runTampered(args, directory, inject, join(root, 'log'));
    assert.deepEqual([ended.status, ended.said.ok], [1, 1], inject);
    assert.equal(ended.said.files.at(-1)?.error?.code, 'DEFERRED_STATE_IO', inject);
  }
});

test("with durability 'disk' a function that cannot be brought to the disk is not registered", {
  skip,
}, async t => {
  const place = freshPlace(t);
  const { child, path } = await startWorker(t, { ...place, calls: [a], options: { durability: 'disk' } });
  const inject = 'fdatasync:error=EIO:when=1';
  const options = [
    '-o',
    join(place.root, 'log'),
    '-P',
    path,
    '-e',
    'trace=fdatasync',
    '-e',
    `inject=${inject}`,
  ];
  const { ended } = await attachStrace(child.pid, options);
  const refusal = await child.ask<{ code: string; cause: string }>({ op: 'defer', call: b });
  assert.deepEqual([refusal.code, refusal.cause], ['DEFERRED_STATE_IO', 'EIO']);
  await child.kill();
  await ended;
  await sweep(place.base, { logger: null });
  assert.deepEqual(read(place.ledger), ['a']);
});

for (const [how, goOn, left] of [
  ['does not run at the end of its job', { op: 'close' }, ['a']],
  ['does not count once the next is written', { op: 'defer', call: { do: 'append', text: 'c' } }, ['a', 'c']],
] as const) {
  test(`with durability 'disk' a function whose record can neither be brought to the disk nor be cut off ${how}`, {
    skip,
  }, async t => {
    const place = freshPlace(t);
    const { child, path } = await startWorker(t, { ...place, calls: [a], options: { durability: 'disk' } });
    const calls = ['fdatasync', 'ftruncate'];
    const injected = calls.flatMap(call => ['-e', `inject=${call}:error=EIO:when=1`]);
    const log = join(place.root, 'log');
    const options = ['-o', log, '-P', path, '-e', `trace=${calls}`, ...injected];
    const { ended } = await attachStrace(child.pid, options);
    assert.equal((await child.ask<DeferAnswer>({ op: 'defer', call: b })).code, 'DEFERRED_STATE_IO');
    await child.ask(goOn);
    await child.kill();
    await ended;
    assert.equal(readFileSync(log, 'utf8').match(/INJECTED/g)?.length, 2);
    await sweep(place.base, { logger: null });
    assert.deepEqual(read(place.ledger), left);
  });
}

test("with durability 'disk' a file whose name cannot be brought to the disk is not left", {
  skip,
}, async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  const plan = { base, ledger, options: { durability: 'disk' } };
  const under = strace({ path: directory, inject: 'fsync:error=EIO', log: join(root, 'log') });
  const child = startChild(t, 'job-worker', { args: [JSON.stringify(plan)], under });
  await assert.rejects(child.next(), /DEFERRED_STATE_IO/);
  assert.deepEqual(readdirSync(directory), []);
});

test('a sweep that may make no pipes reports that it can start no runner; the next one runs the functions', {
  skip,
}, async t => {
  const place = freshPlace(t);
  await leaveOrphan(t, { base: place.base, ledger: place.ledger, calls: [a] });
  const plan = JSON.stringify({ verb: 'sweep', base: place.base, waits: true });
  const sweeper = startChild(t, 'job-sweeper', { args: [plan] });
  assert.equal(await sweeper.next(), 'ready');
  const inject = 'inject=socketpair:error=EACCES';
  const { ended } = await attachStrace(sweeper.pid, ['-f', '-e', 'trace=socketpair', '-e', inject], () => {});
  const report = await sweeper.ask<SweepReport>('go');
  assert.deepEqual([report.pending, report.files[0]?.error?.code], [1, 'DEFERRED_CRASHED']);
  assert.deepEqual(await sweeper.closed, { code: 0, signal: null });
  await ended;
  await sweep(place.base, { logger: null });
  assert.deepEqual(read(place.ledger), ['a']);
});
