import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  appendFileSync,
  closeSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import {
  DeferredFunctionManager,
  type DeferredSweepError,
  type Job,
  type Registration,
  type SweepReport,
  sweep,
} from '#dist/index.js';
import { type Call, read, register } from '../helpers/calls.ts';
import { prlimitMissing } from '../helpers/file-size-limit.ts';
import { mountTinyDisk } from '../helpers/full-disk.ts';
import { type DeferAnswer, freshPlace, leaveOrphan, startWorker, sweepElsewhere } from '../helpers/worker.ts';

const first: Call = { do: 'append', text: 'first' };

function tinyPlace(t: TestContext): { base: string; ledger: string } | undefined {
  const { ledger } = freshPlace(t);
  const disk = mountTinyDisk(t);
  if ('path' in disk) return { base: disk.path, ledger };
  t.skip(disk.missing);
  return undefined;
}

/** Registers functions until the disk is full. @throws what the last defer throws */
function fill(job: Job): never {
  for (;;) job.defer((text: string) => void text.length, 'x'.repeat(5000));
}

/** Leaves fewer bytes than a start mark takes: by records of registrations, then the smaller ones of cancels. */
function fillUp(job: Job): void {
  const filler: Registration[] = [];
  for (const lengthBytes of [5000, 1000, 100, 0]) {
    assert.throws(() => {
      for (;;) filler.push(job.defer((text: string) => void text.length, 'x'.repeat(lengthBytes)));
    }, isNoSpace);
  }
  assert.throws(() => {
    for (const registration of filler) registration.cancel();
  }, isNoSpace);
}

function isNoSpace(thrown: unknown): boolean {
  const { code, cause } = thrown as DeferredSweepError;
  return code === 'DEFERRED_STATE_IO' && (cause as NodeJS.ErrnoException).code === 'ENOSPC';
}

test('on a full disk defer throws, what was registered before runs at the end of the job, and its result stands', async t => {
  const place = tinyPlace(t);
  if (!place) return;
  await using manager = new DeferredFunctionManager(place.base, { logger: null });
  const result = await manager.run((_defer, job) => {
    register(job, first, place.ledger);
    assert.throws(() => fill(job), isNoSpace);
    assert.throws(() => register(job, { do: 'append', text: 'x'.repeat(5000) }, place.ledger), isNoSpace);
    return 42;
  });
  assert.equal(result, 42);
  assert.deepEqual(read(place.ledger), ['first']);
  // The disk has room again: the file was emptied.
  await manager.run((_defer, job) => void register(job, { do: 'append', text: 'next job' }, place.ledger));
  assert.deepEqual(read(place.ledger), ['first', 'next job']);
});

test('a function that must not run twice waits on a full disk, and runs once there is room to say so', async t => {
  const place = tinyPlace(t);
  if (!place) return;
  await using manager = new DeferredFunctionManager(place.base, { logger: null, delivery: 'at-most-once' });
  const job = await manager.open();
  register(job, first, place.ledger);
  fillUp(job);
  const path = job.path;
  const report = await job.close();
  assert.equal(report.files[0]?.error?.code, 'DEFERRED_STATE_IO');
  assert.deepEqual(read(place.ledger), []);
  assert.ok(existsSync(path), 'it is still registered');
  // Its runner says so, too.
  const [found] = (await sweep(place.base, { logger: null })).files;
  assert.match(found!.error!.message, /at most once: its file has no room/);
  assert.deepEqual(read(place.ledger), []);
  execFileSync('mount', ['-o', 'remount,size=1m', place.base]);
  const later = await sweep(place.base);
  assert.equal(later.failed, 0);
  assert.deepEqual(read(place.ledger), ['first']);
});

test('what has run on a full disk does not run again, though its file was out of the way when its job ended', async t => {
  const place = tinyPlace(t);
  if (!place) return;
  const directory = join(place.base, 'deferred');
  await using manager = new DeferredFunctionManager(place.base, { logger: null, durability: 'disk' });
  const job = await manager.open();
  register(job, first, place.ledger);
  fillUp(job);
  renameSync(directory, `${directory}-before`);
  assert.equal((await job.close()).pending, 0);
  rmSync(directory, { recursive: true, force: true });
  renameSync(`${directory}-before`, directory);
  assert.equal((await sweep(place.base, { logger: null })).ok, 0);
  assert.deepEqual(read(place.ledger), ['first']);
});

test("a full disk does not mask the job's own error", async t => {
  const place = tinyPlace(t);
  if (!place) return;
  await using manager = new DeferredFunctionManager(place.base, { logger: null });
  const run = manager.run((_defer, job) => {
    register(job, first, place.ledger);
    fill(job);
  });
  await assert.rejects(run, isNoSpace);
  assert.deepEqual(read(place.ledger), ['first']);
});

test('a sweep of a full disk runs what a killed worker registered and makes room', async t => {
  const place = tinyPlace(t);
  if (!place) return;
  const { child, path } = await startWorker(t, { ...place, calls: [first] });
  const refusal = await child.ask<DeferAnswer>({ op: 'fill', bytes: 5000 });
  assert.deepEqual([refusal.code, refusal.cause], ['DEFERRED_STATE_IO', 'ENOSPC']);
  await child.kill();
  const report = await sweep(place.base, { logger: null });
  assert.deepEqual([report.failed, report.pending, report.files[0]?.outcome], [0, 0, 'ran']);
  assert.ok(report.ok > 5);
  assert.deepEqual(read(place.ledger), ['first']);
  assert.equal(existsSync(path), false);
  assert.deepEqual(readdirSync(join(place.base, 'deferred')), []);
});

test('a worker that cannot even create its state file is told so, and works once there is room', async t => {
  const place = tinyPlace(t);
  if (!place) return;
  const { child } = await startWorker(t, { ...place, calls: [first] });
  // Smaller and smaller, until not one more byte fits.
  for (const bytes of [5000, 500, 50, 1]) await child.ask<DeferAnswer>({ op: 'fill', bytes });
  await using manager = new DeferredFunctionManager(place.base, { logger: null });
  await assert.rejects(manager.open(), isNoSpace);
  const report = await child.ask<SweepReport>({ op: 'manager.close' });
  assert.deepEqual([report.failed, report.pending], [0, 0]);
  await (await manager.open()).close();
});

test('a dead letter that finds no room leaves nothing of itself, and is written once there is room', async t => {
  const place = tinyPlace(t);
  if (!place) return;
  const [directory, dead] = [join(place.base, 'deferred'), join(place.base, 'deferred', 'dead')];
  const options = { maxAttempts: 1 };
  await leaveOrphan(t, { ...place, options, calls: [{ do: 'throw', text: 'tried', message: 'no' }] });
  // So that they are not made on the full disk, for which there would be no room.
  mkdirSync(dead, { mode: 0o700 });
  const filler = join(place.base, 'filler');
  for (const bytes of [5000, 500, 50, 1]) fillFile(filler, bytes);
  const [file] = (await sweep(place.base, { logger: null })).files;
  assert.deepEqual([file?.error?.code, file?.isRetired], ['DEFERRED_STATE_IO', false]);
  assert.match(file!.error!.message, /dead letter.*ENOSPC/);
  assert.deepEqual(readdirSync(dead), []);
  rmSync(filler);
  await sweep(place.base, { logger: null });
  assert.deepEqual([readdirSync(directory), readdirSync(dead).length], [['dead'], 1]);
  assert.deepEqual(read(place.ledger), ['tried']);
});

/** Appends to a file until so many more bytes do not fit. */
function fillFile(path: string, bytes: number): void {
  try {
    for (;;) appendFileSync(path, Buffer.alloc(bytes));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error;
  }
}

test('where no mark finds room, a sweep tries each function once, whatever ends the runner before it, and says that they may run again', {
  skip: prlimitMissing,
}, async t => {
  const { base, directory, ledger } = freshPlace(t);
  // No limit counts what goes into a pipe.
  execFileSync('mkfifo', [ledger]);
  const pipe = openSync(ledger, constants.O_RDWR);
  t.after(() => closeSync(pipe));
  const ran = (): string[] => {
    const bytes = Buffer.alloc(4096);
    return bytes.toString('latin1', 0, readSync(pipe, bytes)).split('\n').slice(0, -1);
  };
  const calls: Call[] = [
    { do: 'append', text: '1' },
    { do: 'exit', text: '2', code: 3 },
    { do: 'append', text: '3' },
    { do: 'signal', text: '4', signal: 'SIGKILL' },
    { do: 'hang-idle', text: '5' },
    { do: 'append', text: '6' },
  ];
  const options = { timeoutMs: 200 };
  const backwards = { options: { ...options, order: 'lifo' }, calls: [...calls].reverse() } as const;
  const workers = [
    await startWorker(t, { base, ledger, options, calls }),
    await startWorker(t, { base, ledger, ...backwards }),
    await startWorker(t, { base, ledger, calls: [{ do: 'append', text: 'other' }] }),
  ];
  for (const { child } of workers) await child.kill();

  const sweeping = { verb: 'sweep', base, options: { killGraceMs: 100 } } as const;
  const report = await sweepElsewhere(t, sweeping, { under: ['prlimit', '--fsize=1:'] });

  const all = ['1', '2', '3', '4', '5', '6'];
  assert.deepEqual(ran(), [...all, ...all, 'other']);
  assert.deepEqual([report.ok, report.failed, report.isComplete], [7, 6, true]);
  for (const { error, isRetired } of report.files.slice(0, 2)) {
    assert.deepEqual([error?.code, isRetired], ['DEFERRED_STATE_IO', false]);
    assert.match(error!.message, /may run again/);
  }
  assert.equal(report.files[2]?.isRetired, true);
  // Once there is room, the attempts are counted.
  await DeferredFunctionManager.cleanupWorker(base, { logger: null, maxAttempts: 1, killGraceMs: 100 });
  assert.equal(ran().filter(text => text === '2').length, 2);
  assert.deepEqual([readdirSync(directory), readdirSync(join(directory, 'dead')).length], [['dead'], 6]);
});

test('a limit on the size of files is told as that, also where it cut a write short', t => {
  const { base } = freshPlace(t);
  const program = `
    const { DeferredFunctionManager } = await import(${JSON.stringify(import.meta.resolve('#dist/index.js'))});
    const manager = new DeferredFunctionManager(${JSON.stringify(base)}, { logger: null });
    const job = await manager.open();
    const messages = new Set();
    for (let n = 0; n < 20; n++)
      try { job.defer(text => void text, 'x'.repeat(3000)); } catch ({ message, cause }) { messages.add(cause.code + ' ' + message); }
    const { ok, failed, pending } = await job.close();
    console.log(JSON.stringify([[...messages], ok > 0, failed, pending]));
    process.exit();`;
  const script = 'ulimit -f 16; exec "$0" --input-type=module --eval "$1"';
  const { stdout, stderr } = spawnSync('sh', ['-c', script, process.execPath, program], { encoding: 'utf8' });
  assert.equal(stderr, '');
  const [messages, ...rest] = JSON.parse(stdout);
  assert.equal(messages.length, 1, stdout);
  assert.match(
    messages[0],
    /^EFBIG cannot write to .*: file too large \(EFBIG\); raise the limit of file sizes/,
  );
  assert.deepEqual(rest, [true, 0, 0]);
});
