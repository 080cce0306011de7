import assert from 'node:assert/strict';
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  statSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunction, DeferredFunctionManager, sweep } from '#dist/index.js';
import { type Call, read, register } from '../helpers/calls.ts';
import { freshPlace, leaveOrphan, startWorker } from '../helpers/worker.ts';

const calls: Call[] = ['1', '2', '3'].map(text => ({ do: 'append', text }));

test('functions of Node itself can be deferred', async t => {
  const { base, root } = freshPlace(t);
  const file = join(root, 'file');
  const folder = join(root, 'folder');
  writeFileSync(file, '');
  mkdirSync(folder);
  await using manager = new DeferredFunctionManager(base);
  const report = await manager.open().then(async job => {
    job.defer(unlinkSync, file);
    job.defer(rmdirSync, folder);
    return job.close();
  });
  assert.deepEqual([report.ok, report.failed], [2, 0]);
  assert.equal(existsSync(file), false);
  assert.equal(existsSync(folder), false);
});

test('a program can be deferred, and any end but code 0 is a failure', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null, maxAttempts: 1 });
  const job = await manager.open();
  job.defer(DeferredFunction.command('/bin/sh', ['-c', 'echo ran >> "$0"', ledger]));
  job.defer(DeferredFunction.command('/bin/sh', ['-c', 'exit 4']));
  const report = await job.close();
  assert.deepEqual([report.ok, report.failed], [1, 1]);
  assert.deepEqual(read(ledger), ['ran']);
});

test('defer after the end of the job throws DEFERRED_CLOSED, even through a reference that was kept', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  const job = await manager.open();
  const { defer } = job;
  const registration = register(job, calls[0]!, ledger);
  await job.close();
  assert.throws(() => defer(appendFileSync, ledger, 'late\n'), { code: 'DEFERRED_CLOSED' });
  assert.throws(() => registration.cancel(), { code: 'DEFERRED_CLOSED' });
  await assert.rejects(registration.run(), { code: 'DEFERRED_CLOSED' });
  assert.deepEqual(read(ledger), ['1']);
  await manager.close();
  await assert.rejects(manager.open(), { code: 'DEFERRED_CLOSED' });
});

test('a manager that is closed while it opens a job opens none, and leaves no file', async t => {
  const { base, directory } = freshPlace(t);
  const manager = new DeferredFunctionManager(base, { logger: null });
  const opening = manager.open();
  await Promise.all([manager.close(), assert.rejects(opening, { code: 'DEFERRED_CLOSED' })]);
  assert.deepEqual(readdirSync(directory), []);
});

test('the functions of a second job are run where that began, not where the first did', async t => {
  const { base, ledger, root } = freshPlace(t);
  const { child } = await startWorker(t, { base, ledger });
  await child.ask({ op: 'close' });
  await child.ask({ op: 'chdir', path: root });
  await child.ask({ op: 'open' });
  await child.ask({ op: 'defer', call: { do: 'surroundings', text: 'in' } });
  await child.kill();
  await sweep(base, { logger: null });
  assert.deepEqual(read(ledger), [`in ${root} undefined`]);
});

test('closing a manager ends its open jobs: their functions run', async t => {
  const { base, ledger } = freshPlace(t);
  const manager = new DeferredFunctionManager(base);
  for (const call of calls) register(await manager.open(), call, ledger);
  const report = await manager.close();
  assert.equal(report.ok, 3);
  assert.deepEqual(read(ledger).sort(), ['1', '2', '3']);
});

test('a cancelled function is not run, neither at the end of the job nor as an orphan', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  const job = await manager.open();
  const [first, second] = calls.map(call => register(job, call, ledger));
  assert.equal(first?.cancel(), true);
  assert.equal(first?.cancel(), false);
  assert.equal(await first?.run(), undefined);
  assert.equal((await second?.run())?.outcome, 'ok');
  await job.close();
  assert.deepEqual(read(ledger), ['2', '3']);
});

test('run() runs a function at once, and it does not run again', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  const job = await manager.open();
  const [, second] = calls.map(call => register(job, call, ledger));
  assert.equal((await second?.run())?.outcome, 'ok');
  assert.deepEqual(read(ledger), ['2']);
  assert.equal(await second?.run(), undefined);
  assert.equal(second?.cancel(), false);
  await job.close();
  assert.deepEqual(read(ledger), ['2', '1', '3']);
});

test('a function that failed in run() is tried again at the end of the job', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null, retryDelayMs: 0 });
  const job = await manager.open();
  const failing = register(job, { do: 'throw', text: 'tried', message: 'no' }, ledger);
  assert.equal((await failing.run())?.outcome, 'failed');
  const [file] = (await job.close()).files;
  assert.equal(file?.functions[0]?.attempt, 2);
  assert.deepEqual(read(ledger), ['tried', 'tried']);
});

test('a function that failed in run() can still be cancelled: it is not tried again', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  const failing = register(job, { do: 'throw', text: 'tried', message: 'no' }, ledger);
  assert.equal((await failing.run())?.outcome, 'failed');
  assert.deepEqual([failing.cancel(), failing.cancel()], [true, false]);
  assert.equal((await job.close()).pending, 0);
  assert.deepEqual(read(ledger), ['tried']);
});

test('to cancel a function costs the same however many are registered', {
  skip: existsSync('/proc/self/io') ? false : 'NOT TESTED: /proc/self/io tells what is read',
}, async t => {
  const { base } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  const job = await manager.open();
  const registrations = Array.from({ length: 300 }, () => job.defer(Math.max, 'x'.repeat(1000) as never));
  const before = bytesRead();
  assert.ok(registrations.every(registration => registration.cancel()));
  const readMeanwhile = bytesRead() - before;
  assert.ok(readMeanwhile < 300_000, `${readMeanwhile} bytes were read`);
});

/** How many bytes this process has read, of whatever (proc(5), `rchar`). */
function bytesRead(): number {
  return Number(/rchar: (\d+)/.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
}

test('a function deferred from a deferred function runs in the same pass', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  const job = await manager.open();
  Reflect.set(globalThis, 'testJob', job);
  t.after(() => Reflect.deleteProperty(globalThis, 'testJob'));
  job.defer(async (path: string) => {
    const fs = await import('node:fs');
    fs.appendFileSync(path, 'outer\n');
    Reflect.get(globalThis, 'testJob').defer(fs.appendFileSync, path, 'inner\n');
  }, ledger);
  const report = await job.close();
  assert.equal(report.ok, 2);
  assert.deepEqual(read(ledger), ['outer', 'inner']);
});

test('a function cancelled by another at the end of the job does not run', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  const job = await manager.open();
  t.after(() => Reflect.deleteProperty(globalThis, 'testLater'));
  job.defer((path: string) => {
    process
      .getBuiltinModule('node:fs')
      .appendFileSync(path, `${Reflect.get(globalThis, 'testLater').cancel()}\n`);
  }, ledger);
  Reflect.set(globalThis, 'testLater', job.defer(appendFileSync, ledger, 'cancelled one\n'));
  const report = await job.close();
  assert.deepEqual([report.ok, report.pending], [1, 0]);
  assert.deepEqual(read(ledger), ['true']);
});

test('a function that is running, ahead of the end of its job or at it, cannot be cancelled', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  t.after(() => Reflect.deleteProperty(globalThis, 'testSelf'));
  const early = job.defer(appendFileSync, ledger, 'early\n');
  const running = early.run();
  assert.equal(early.cancel(), false);
  assert.equal((await running)?.outcome, 'ok');
  const self = (path: string): void => {
    const text = `${Reflect.get(globalThis, 'testSelf').cancel()}\n`;
    process.getBuiltinModule('node:fs').appendFileSync(path, text);
  };
  Reflect.set(globalThis, 'testSelf', job.defer(self, ledger));
  assert.equal((await job.close()).ok, 1);
  assert.deepEqual(read(ledger), ['early', 'false']);
});

test('a function run by another at the end of the job runs once', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  const job = await manager.open();
  t.after(() => Reflect.deleteProperty(globalThis, 'testLater'));
  job.defer(() => void Reflect.get(globalThis, 'testLater').run());
  Reflect.set(globalThis, 'testLater', job.defer(appendFileSync, ledger, 'once\n'));
  const report = await job.close();
  assert.deepEqual([report.ok, report.failed, report.pending], [2, 0, 0]);
  assert.deepEqual(read(ledger), ['once']);
});

test('a state file that cannot be read at the end of its job is reported, not thrown, and stays', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  job.defer(appendFileSync, ledger, 'later\n');
  const lengthBytes = statSync(job.path).size;
  // Larger than a state file may be; a hole, so that it takes no room.
  truncateSync(job.path, 2 ** 29);
  const report = await job.close();
  assert.equal(report.files[0]?.error?.code, 'DEFERRED_TOO_LARGE');
  assert.throws(() => job.defer(appendFileSync, ledger, 'x'), { code: 'DEFERRED_CLOSED' });
  truncateSync(job.path, lengthBytes);
  assert.equal((await sweep(base)).ok, 1);
  assert.deepEqual(read(ledger), ['later']);
});

test('a state file that is found damaged at the end of its job is copied among the dead letters, and not used again', async t => {
  const { base, ledger, directory } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  for (const call of calls) register(job, call, ledger);
  const bytes = readFileSync(job.path);
  bytes[bytes.indexOf('2\n')] = 0x58;
  writeFileSync(job.path, bytes);
  const [own] = (await job.close()).files;
  assert.deepEqual([own?.outcome, own?.isRetired, own?.pending], ['quarantined', true, 0]);
  assert.deepEqual(readFileSync(own!.deadLetter!), bytes);
  assert.deepEqual(read(ledger), ['1', '3']);
  assert.deepEqual(readdirSync(directory), ['dead']);
});

test('functions run also where the clock says that this process began before 1970', async t => {
  const { base, ledger } = freshPlace(t);
  t.mock.timers.enable({ apis: ['Date'], now: 0 });
  await using manager = new DeferredFunctionManager(base);
  await manager.run((_defer, job) => void register(job, calls[0]!, ledger));
  assert.deepEqual(read(ledger), ['1']);
});

test("order 'lifo' runs the last registered function first, at the end of a job and as an orphan alike", async t => {
  const { base, ledger } = freshPlace(t);
  const manager = new DeferredFunctionManager(base, { order: 'lifo' });
  await manager.run((_defer, job) => {
    for (const call of calls) register(job, call, ledger);
  });
  await manager.close();
  assert.deepEqual(read(ledger), ['3', '2', '1']);
  await leaveOrphan(t, { base, ledger, calls, options: { order: 'lifo' } });
  await sweep(base);
  assert.deepEqual(read(ledger).slice(3), ['3', '2', '1']);
});

test('arguments are what they were at registration, whatever happened to them since', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  await manager.run(defer => {
    const names = ['then'];
    defer(
      async (path: string, words: string[]) =>
        (await import('node:fs')).appendFileSync(path, `${words.join()}\n`),
      ledger,
      names,
    );
    names[0] = 'now';
  });
  assert.deepEqual(read(ledger), ['then']);
});

test('a function that cannot be stored is refused by name, and nothing is registered', async t => {
  const { base } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base);
  const job = await manager.open();
  const bound = ((text: string) => text).bind(undefined, 'x');
  assert.throws(() => job.defer(bound), { code: 'DEFERRED_FUNCTION_REFUSED', message: /bound/ });
  assert.deepEqual((await job.close()).files[0]?.functions, []);
});

test("dead letters of a manager's jobs, one after the other, do not take each other's places", async t => {
  const { base, ledger, directory } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null, maxAttempts: 1 });
  for (const text of ['one', 'two']) {
    const job = await manager.open();
    register(job, { do: 'throw', text, message: 'no' }, ledger);
    const { deadLetter } = (await job.close()).files[0]?.functions[0] ?? {};
    assert.ok(readFileSync(deadLetter!, 'latin1').includes(text));
  }
  assert.equal(readdirSync(join(directory, 'dead')).length, 2);
});

test('what could not be read again is refused, not registered', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  await using marking = new DeferredFunctionManager(`${base}-2`, { logger: null, env: ['MARKED'] });
  await using other = await marking.open();
  process.env.MARKED = '\ufeff'.padEnd(80, 'x');
  t.after(() => delete process.env.MARKED);
  const half = '\ud800';
  const source = new Function(`return '${half}'`) as () => string;
  const refused: [attempt: () => unknown, valuePath: string][] = [
    [() => DeferredFunction.command('printf', ['%s', half]), 'function.argv[1]'],
    [() => DeferredFunction.command('printf', ['\ufeff'.padEnd(80, 'x')]), 'function.argv[0]'],
    [
      () => DeferredFunction.command('printf', [], { env: { [half]: '' } }),
      `the name of function.env.${half}`,
    ],
    [() => DeferredFunction.of({ module: 'node:fs', export: half }), 'function.export'],
    [() => job.defer(source), 'function.source'],
    [() => DeferredFunction.capture(appendFileSync, [ledger, ''], { env: ['MARKED'] }), 'env.MARKED'],
    [() => other.defer(appendFileSync, ledger, ''), 'env.MARKED'],
    [() => job.defer(() => source()), 'function.closure.references[0].source'],
  ];
  for (const [attempt, valuePath] of refused) {
    assert.throws(attempt, { name: 'DeferredSweepError', code: 'DEFERRED_VALUE_REFUSED', valuePath });
  }
  const manyArguments = DeferredFunction.command('true', Array(2 ** 20).fill(''));
  assert.throws(() => job.defer(manyArguments), { code: 'DEFERRED_TOO_LARGE' });
  job.defer(appendFileSync, ledger, 'next\n');
  assert.equal((await job.close()).ok, 1);
  assert.deepEqual(read(ledger), ['next']);
});

test('a function runs whatever was written to its name', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  const names = [42, '', '\ud800', '\ufeff', 'x'.repeat(2 ** 20), undefined, Symbol('s'), appendFileSync];
  for (const [index, name] of names.entries()) {
    const { appendFileSync: append } = await import('node:fs');
    const inner = Object.defineProperty(() => append(ledger, `${index}\n`), 'name', { value: name });
    job.defer(inner);
    // Captured, it may be asked for its name.
    if (typeof name === 'string' && name.isWellFormed() && name !== '\ufeff') job.defer(() => inner());
    else assert.throws(() => job.defer(() => inner()), { code: 'DEFERRED_FUNCTION_REFUSED' });
  }
  // biome-ignore lint/complexity/noStaticOnlyClass: that is what is tested
  class Named {
    static name(): void {
      appendFileSync(ledger, 'static\n');
    }
  }
  job.defer(() => Named.name());
  const report = await job.close();
  const ran = ['0', '1', '1', '2', '3', '4', '4', '5', '6', '7', 'static'];
  assert.deepEqual([report.ok, report.failed], [ran.length, 0]);
  assert.deepEqual(read(ledger), ran);
});

test('a DeferredFunction has its arguments: others beside it are refused, and nothing is registered', async t => {
  const { base } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  const fn = DeferredFunction.command('true');
  const defer = job.defer.bind(job) as (...args: unknown[]) => unknown;
  assert.throws(() => defer(fn, 'more'), { name: 'TypeError', message: /has its arguments/ });
  assert.equal((await job.close()).ok, 0);
});
