/** What is done with a job by others while its end is under way. */
import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import {
  appendFileSync,
  closeSync,
  existsSync,
  fstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  rmSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { DeferredFunctionManager, type Job, type Registration, sweep } from '#dist/index.js';
import { read, register } from '../helpers/calls.ts';
import { freshPlace, type Place } from '../helpers/worker.ts';

/** Registers a function that says that it has begun and, in this process, ends when it is told to, in the order it was told. */
function deferWaiting(t: TestContext, job: Job, { ledger }: Place, name: string) {
  const signals = new EventEmitter();
  Reflect.set(globalThis, `test-${name}`, signals);
  t.after(() => Reflect.deleteProperty(globalThis, `test-${name}`));
  const registration: Registration = job.defer(
    async (path: string, name: string) => {
      const { appendFileSync } = await import('node:fs');
      const { EventEmitter } = await import('node:events');
      const signals = Reflect.get(globalThis, `test-${name}`);
      appendFileSync(path, `${name} begins\n`);
      // Not in a runner.
      signals?.emit('begun');
      if (signals) await EventEmitter.once(signals, 'end');
      appendFileSync(path, `${name} ends\n`);
    },
    ledger,
    name,
  );
  return { registration, begun: once(signals, 'begun'), end: () => void signals.emit('end') };
}

test('what is deferred while a job ends is run, or refused: at no moment is it lost', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  for (const hasOther of [false, true]) {
    const isAccepted = new Set<boolean>();
    for (let turns = 0; turns < 40; turns++) {
      const job = await manager.open();
      if (hasOther) job.defer(appendFileSync, ledger, 'other\n');
      const closing = job.close();
      for (let turn = 0; turn < turns; turn++) await null;
      const expected = [...read(ledger).filter(line => line !== 'other')];
      try {
        job.defer(appendFileSync, ledger, `after ${turns}\n`);
        expected.push(`after ${turns}`);
      } catch (error) {
        assert.equal(Reflect.get(error as Error, 'code'), 'DEFERRED_CLOSED');
      }
      isAccepted.add(expected.includes(`after ${turns}`));
      await closing;
      assert.deepEqual(
        read(ledger).filter(line => line !== 'other'),
        expected,
      );
    }
    assert.deepEqual([...isAccepted], [true, false]);
  }
});

test('a function that the end of its job is running is not begun again by run()', async t => {
  const place = freshPlace(t);
  await using manager = new DeferredFunctionManager(place.base);
  const job = await manager.open();
  const only = deferWaiting(t, job, place, 'only');
  const closing = job.close();
  await only.begun;
  const running = only.registration.run();
  only.end();
  assert.deepEqual([(await running)?.outcome, (await running)?.attempt], ['ok', 1]);
  assert.equal((await closing).ok, 1);
  assert.deepEqual(read(place.ledger), ['only begins', 'only ends']);
});

test('a function run early while the end of its job waits for another is waited for, too, and runs once', async t => {
  const place = freshPlace(t);
  await using manager = new DeferredFunctionManager(place.base);
  const job = await manager.open();
  const [first, second] = ['first', 'second'].map(name => deferWaiting(t, job, place, name));
  const running = [first!.registration.run()];
  await first!.begun;
  const closing = job.close();
  running.push(second!.registration.run());
  await second!.begun;
  first!.end();
  await running[0];
  second!.end();
  assert.equal((await closing).pending, 0);
  assert.deepEqual(read(place.ledger), ['first begins', 'second begins', 'first ends', 'second ends']);
});

test('a state file is not closed under a function that was run early while its job ended', async t => {
  const place = freshPlace(t);
  await using manager = new DeferredFunctionManager(place.base);
  const job = await manager.open();
  const names = ['own', 'early', 'late'];
  const [own, early, late] = names.map(name => deferWaiting(t, job, place, name));
  const closing = job.close();
  let hasClosed = false;
  void closing.then(() => {
    hasClosed = true;
  });
  await own!.begun;
  const runningEarly = early!.registration.run();
  await early!.begun;
  own!.end();
  // The end of the job waits for the early one alone now, as far as it knows.
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  const runningLate = late!.registration.run();
  await late!.begun;
  early!.end();
  await runningEarly;
  for (let turn = 0; turn < 100; turn++) await new Promise(setImmediate);
  assert.equal(hasClosed, false);
  // What gets the number of a descriptor that was closed would get the mark.
  const innocent = openSync(join(place.root, 'innocent'), 'a+');
  late!.end();
  assert.equal((await runningLate)?.outcome, 'ok');
  const report = await closing;
  assert.equal(fstatSync(innocent).size, 0);
  closeSync(innocent);
  assert.deepEqual([report.ok, report.pending], [3, 0]);
  assert.equal((await sweep(place.base)).ok, 0);
});

for (const isRemoved of [false, true]) {
  test(`a function that fails in run() while its job ends is not tried again by that, and is in its report${isRemoved ? ', in a fresh file, too' : ''}`, async t => {
    const place = freshPlace(t);
    await using manager = new DeferredFunctionManager(place.base, { logger: null, retryDelayMs: 0 });
    const job = await manager.open();
    const own = deferWaiting(t, job, place, 'own');
    const failing = register(job, { do: 'throw', text: 'fails', message: 'no' }, place.ledger);
    const closing = job.close();
    await own.begun;
    assert.equal((await failing.run())?.outcome, 'failed');
    if (isRemoved) rmSync(place.directory, { recursive: true });
    job.defer(appendFileSync, place.ledger, 'late\n');
    own.end();
    const { files, pending } = await closing;
    const told = files[0]?.functions.map(({ id, outcome, attempt }) => [id, outcome, attempt]);
    assert.deepEqual(told?.sort(), [
      [1, 'ok', 1],
      [2, 'failed', 1],
      [3, 'ok', 1],
    ]);
    assert.equal(pending, 1);
    assert.deepEqual(read(place.ledger), ['own begins', 'fails', 'own ends', 'late']);
  });
}

test('a function in its last attempt is not taken for dead by another that ends meanwhile', async t => {
  const place = freshPlace(t);
  await using manager = new DeferredFunctionManager(place.base, { delivery: 'at-most-once' });
  const job = await manager.open();
  const [slow, fast] = ['slow', 'fast'].map(name => deferWaiting(t, job, place, name));
  const running = [slow!, fast!].map(({ registration }) => registration.run());
  await Promise.all([slow!.begun, fast!.begun]);
  fast!.end();
  assert.equal((await running[1])?.outcome, 'ok');
  slow!.end();
  assert.deepEqual([(await running[0])?.outcome, (await running[0])?.deadLetter], ['ok', undefined]);
  await job.close();
  assert.equal(existsSync(join(place.directory, 'dead')), false);
});

const procMissing = process.platform === 'linux' ? false : 'NOT TESTED: needs /proc to find the descriptor';

test('the end of a job whose file another closed reports that, and throws nothing', {
  skip: procMissing,
}, async t => {
  const { base, ledger } = freshPlace(t);
  const manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  job.defer(appendFileSync, ledger, 'ran\n');
  closeSync(descriptorOf(job));
  const report = await job.close();
  assert.equal(report.files[0]?.error?.code, 'DEFERRED_STATE_IO', JSON.stringify(report));
  await manager.close();
  // Its lock is free.
  await sweep(base, { logger: null });
  assert.deepEqual(read(ledger), ['ran']);
});

test('a job whose end fails waits for a function that was run early at that moment', {
  skip: procMissing,
}, async t => {
  let met = 0;
  for (let turns = 0, isOver = false; !isOver; turns++) {
    const place = freshPlace(t);
    const manager = new DeferredFunctionManager(place.base, { logger: null });
    const job = await manager.open();
    job.defer(appendFileSync, place.ledger, 'own\n');
    const early = deferWaiting(t, job, place, 'early');
    const fd = descriptorOf(job);
    // The end of the job can read its file, and write no start mark.
    reopen(fd, job, 'r');
    const closing = job.close();
    let hasClosed = false;
    void closing.then(() => {
      hasClosed = true;
    });
    for (let turn = 0; turn < turns; turn++) await null;
    isOver = descriptorOf(job) !== fd;
    if (!isOver) reopen(fd, job, 'a+');
    const running = early.registration.run().catch(() => undefined);
    if (await Promise.race([early.begun, closing.then(() => undefined)])) {
      for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
      assert.equal(hasClosed, false, `${turns} turns`);
      early.end();
      await running;
    }
    met += Number((await closing).pending > 0);
    await manager.close();
    await sweep(place.base, { logger: null });
    assert.deepEqual(read(place.ledger).sort(), ['early begins', 'early ends', 'own'], `${turns} turns`);
  }
  assert.ok(met > 0);
});

function descriptorOf({ path }: Job): number {
  const fds = readdirSync('/proc/self/fd');
  return Number(fds.find(fd => unlessMissing(() => readlinkSync(`/proc/self/fd/${fd}`)) === path));
}

/** Opens the file of a job anew under the number that it has. */
function reopen(fd: number, { path }: Job, flags: string): void {
  closeSync(fd);
  assert.equal(openSync(path, flags), fd);
}

function unlessMissing(look: () => string): string | undefined {
  try {
    return look();
  } catch {
    return undefined;
  }
}

test('of jobs at once one leaves its file to the next job; all that end with their manager leave none', async t => {
  const { base, directory } = freshPlace(t);
  const manager = new DeferredFunctionManager(base, { logger: null });
  const [first, second, third] = [await manager.open(), await manager.open(), await manager.open()];
  await first.close();
  await second.close();
  assert.deepEqual(readdirSync(directory).sort(), [basename(first.path), basename(third.path)].sort());
  await manager.close();
  assert.deepEqual(readdirSync(directory), []);
});
