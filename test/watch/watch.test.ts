import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { chmodSync, existsSync, mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager, sweep, watch } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { childrenOf, runsOneOf } from '../helpers/process-life.ts';
import { isFull } from '../helpers/size.ts';
import { until } from '../helpers/until.ts';
import { freshPlace, leaveOrphan, startWorker } from '../helpers/worker.ts';
import { startWatching } from './watching.ts';

const skip = process.platform === 'linux' ? false : 'NOT TESTED: there is no inotify here';

/** No answer for this long means a hang, not a slow machine. */
const HANG_MS = 60_000;

const append = (text: string) => ({ do: 'append', text }) as const;

test('the functions of each owner that dies are run, and those of the living are not', { skip }, async t => {
  const { base, ledger, directory } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [append('before')] });
  const watching = startWatching(t, base);
  await watching.until(({ ran }) => ran.length === 1);
  const live = await startWorker(t, { base, ledger, calls: [append('live')] });
  for (const text of ['one', 'two', 'three'])
    await leaveOrphan(t, { base, ledger, calls: [append(text), append(`${text}-more`)] });
  await watching.until(({ ran }) => ran.length === 7);
  assert.deepEqual(read(ledger).sort(), [
    'before',
    'one',
    'one-more',
    'three',
    'three-more',
    'two',
    'two-more',
  ]);
  await live.child.kill();
  await watching.until(({ ran }) => ran.length === 8);
  await watching.end();
  assert.deepEqual(readdirSync(directory), []);
});

test('a directory that comes later, goes, and is replaced, is watched, and so are those above it', {
  skip,
}, async t => {
  const { root, ledger } = freshPlace(t);
  const above = join(root, 'not', 'yet');
  const base = join(above, 'there');
  const watching = startWatching(t, base);
  let count = 0;
  const dies = async (what: string): Promise<void> => {
    await leaveOrphan(t, { base, ledger, calls: [append(what)] });
    count++;
    await watching.until(({ ran }) => ran.length === count);
    assert.equal(read(ledger).at(-1), what);
  };
  await dies('made by an owner');
  rmSync(join(base, 'deferred'), { recursive: true });
  await dies('the state directory was removed');
  rmSync(join(root, 'not'), { recursive: true });
  await dies('all was removed');
  renameSync(base, `${base}-before`);
  await dies('the base was renamed');
  renameSync(join(root, 'not'), join(root, 'before'));
  await dies('a directory above was renamed');
  // Into place by one rename, an orphan in it.
  const other = join(root, 'other');
  await leaveOrphan(t, { base: join(other, 'yet', 'there'), ledger, calls: [append('moved here')] });
  renameSync(join(root, 'not'), join(root, 'again'));
  renameSync(other, join(root, 'not'));
  await watching.until(({ ran }) => ran.length === count + 1);
  assert.equal(read(ledger).at(-1), 'moved here');
});

test('a link on the way that leads elsewhere is noticed by the look at everything', { skip }, async t => {
  const { root, ledger } = freshPlace(t);
  const [one, two] = ['one', 'two'].map(name => join(root, name)) as [string, string];
  for (const path of [one, two]) mkdirSync(path);
  const base = join(root, 'current');
  symlinkSync(one, base);
  const watching = startWatching(t, base, { pollMs: 50 });
  await leaveOrphan(t, { base, ledger, calls: [append('one')] });
  await watching.until(({ ran }) => ran.length === 1);
  symlinkSync(two, `${base}-next`);
  renameSync(`${base}-next`, base);
  await leaveOrphan(t, { base, ledger, calls: [append('two')] });
  await watching.until(({ ran }) => ran.length === 2);
  assert.deepEqual(read(ledger), ['one', 'two']);
});

test('an orphan that is moved into the directory is run', { skip }, async t => {
  const { base, ledger, root, directory } = freshPlace(t);
  const path = await leaveOrphan(t, { base: join(root, 'other'), ledger, calls: [append('moved')] });
  mkdirSync(directory, { mode: 0o700 });
  const watching = startWatching(t, base);
  await leaveOrphan(t, { base, ledger, calls: [append('here')] });
  await watching.until(({ ran }) => ran.length === 1);
  renameSync(path, join(directory, path.slice(path.lastIndexOf('/') + 1)));
  await watching.until(({ ran }) => ran.length === 2);
  assert.deepEqual(read(ledger), ['here', 'moved']);
});

test('a function that fails is tried again when it is due, until it has used up its attempts', {
  skip,
}, async t => {
  const { base, ledger, directory } = freshPlace(t);
  const watching = startWatching(t, base);
  const calls = [{ do: 'throw', text: 'tried', message: 'not today' } as const, append('good')];
  await leaveOrphan(t, { base, ledger, calls, options: { retryDelayMs: 20 } });
  await watching.until(({ ran }) => ran.some(({ deadLetter }) => deadLetter !== undefined));
  assert.deepEqual(read(ledger), ['tried', 'good', 'tried', 'tried']);
  assert.deepEqual(
    watching.ran.filter(({ outcome }) => outcome === 'failed').map(({ attempt }) => attempt),
    [1, 2, 3],
  );
  await watching.end();
  assert.deepEqual(readdirSync(directory), ['dead']);
});

test('a file that stays as it is is told of once, however often all is looked at', { skip }, async t => {
  const { base, ledger } = freshPlace(t);
  const open = await leaveOrphan(t, { base, ledger, calls: [append('open for all')] });
  chmodSync(open, 0o644);
  await leaveOrphan(t, {
    base,
    ledger,
    calls: [{ do: 'throw', text: 'waits', message: 'for an hour' }],
    options: { retryDelayMs: 3_600_000 },
  });
  const messages: string[] = [];
  const logger = { info() {}, warn: (message: string) => void messages.push(message) };
  const watching = startWatching(t, base, { pollMs: 10, logger });
  await watching.until(({ ran }) => ran.length === 1);
  for (const text of ['one', 'two', 'three']) {
    await leaveOrphan(t, { base, ledger, calls: [append(text)] });
    await watching.until(() => read(ledger).includes(text));
  }
  await watching.end();
  const told = watching.reports.flatMap(({ files }) =>
    files.map(({ path, outcome }) => `${path} ${outcome}`),
  );
  assert.equal(told.filter(line => line === `${open} refused`).length, 1, `${told}`);
  assert.equal(messages.filter(message => message.includes(open)).length, 1, `${messages}`);
  assert.deepEqual(read(ledger), ['waits', 'one', 'two', 'three']);
});

test('a dead letter that was moved up is told of and left', { skip }, async t => {
  const { base, ledger, directory } = freshPlace(t);
  const calls = [{ do: 'throw', text: 'tried', message: 'never' } as const];
  await leaveOrphan(t, { base, ledger, calls, options: { maxAttempts: 1 } });
  await sweep(base, { logger: null });
  const [letter = assert.fail('no letter')] = readdirSync(join(directory, 'dead'));
  renameSync(join(directory, 'dead', letter), join(directory, letter));
  const watching = startWatching(t, base, { pollMs: 10 });
  await watching.until(({ reports }) => reports.length === 1);
  await leaveOrphan(t, { base, ledger, calls: [append('after')] });
  await watching.until(({ ran }) => ran.length === 1);
  await watching.end();
  assert.ok(existsSync(join(directory, letter)));
  assert.equal(watching.reports.length, 2);
});

test('two watches, a sweep and jobs at the same time run each function once', { skip }, async t => {
  const { base, ledger } = freshPlace(t);
  const watches = [startWatching(t, base, { concurrency: 2 }), startWatching(t, base)];
  const names = Array.from({ length: isFull ? 12 : 6 }, (_, i) => `${i}`.padStart(2, '0'));
  const owners = await Promise.all(
    names.map(async name => startWorker(t, { base, ledger, calls: [append(name)] })),
  );
  const manager = new DeferredFunctionManager(base, { logger: null });
  await Promise.all([
    ...owners.map(async ({ child }) => child.kill()),
    sweep(base, { logger: null }),
    manager.run(() => {}),
  ]);
  await manager.close();
  // Which of them runs a function is open.
  await until('the last of them', () => read(ledger).length >= names.length, HANG_MS);
  for (const watching of watches) await watching.end();
  await sweep(base, { logger: null });
  assert.deepEqual(read(ledger).sort(), names);
});

/** Runners that this process has started. */
const runners = (): number[] => childrenOf(process.pid).filter(pid => runsOneOf('runner/main.js', pid));

const readyRunner = (besides: readonly number[] = []): Promise<number> =>
  until('a runner that is kept ready', () => runners().find(pid => !besides.includes(pid)));

test('a function of a plain owner runs in the runner that was ready, and no runner is used twice', {
  skip,
}, async t => {
  const { base, ledger } = freshPlace(t);
  const watching = startWatching(t, base);
  const used: number[] = [];
  for (let count = 1; count <= 3; count++) {
    const ready = await readyRunner(used);
    await leaveOrphan(t, { base, ledger, calls: [{ do: 'pid' }] });
    await watching.until(({ ran }) => ran.length === count);
    assert.equal(Number(read(ledger).at(-1)), ready);
    used.push(ready);
  }
  const ready = await readyRunner(used);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'pid' }] }, { execArgv: ['--no-warnings'] });
  await watching.until(({ ran }) => ran.length === 4);
  assert.notEqual(Number(read(ledger).at(-1)), ready);
  assert.ok(runners().includes(ready));
  await watching.end();
  assert.deepEqual(runners(), []);
});

test('a runner that dies while it waits is replaced', { skip }, async t => {
  const { base, ledger } = freshPlace(t);
  const watching = startWatching(t, base);
  const first = await readyRunner();
  process.kill(first, 'SIGKILL');
  const second = await readyRunner([first]);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'pid' }] });
  await watching.until(({ ran }) => ran.length === 1);
  assert.equal(Number(read(ledger).at(-1)), second);
});

test('at its end the function in progress is finished, and the rest stays registered', { skip }, async t => {
  const { base, ledger, root } = freshPlace(t);
  const fifo = makeGate(root);
  const watching = startWatching(t, base);
  const calls = [{ do: 'wait-for-fifo', text: 'long', fifo } as const, append('next')];
  await leaveOrphan(t, { base, ledger, calls });
  const letThrough = await arrivalAt(fifo);
  const ended = watching.end();
  await letThrough();
  await ended;
  assert.deepEqual(read(ledger), ['long', 'long-end']);
  assert.deepEqual(
    watching.reports.map(({ ok, pending, isComplete }) => [ok, pending, isComplete]),
    [[1, 1, false]],
  );
  await sweep(base, { logger: null });
  assert.deepEqual(read(ledger), ['long', 'long-end', 'next']);
});

test('with several runners, a function that takes long keeps no other owner waiting', { skip }, async t => {
  const { base, ledger, root } = freshPlace(t);
  const fifo = makeGate(root);
  const watching = startWatching(t, base, { concurrency: 2 });
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'wait-for-fifo', text: 'long', fifo }] });
  const letThrough = await arrivalAt(fifo);
  await leaveOrphan(t, { base, ledger, calls: [append('other')] });
  await watching.until(({ ran }) => ran.length === 1);
  assert.deepEqual(read(ledger), ['long', 'other']);
  await letThrough();
  await watching.until(({ ran }) => ran.length === 2);
});

test('a directory that is not safe is refused at the beginning; later that is told, and all is well when it is mended', {
  skip,
}, async t => {
  const { base, ledger, directory } = freshPlace(t);
  mkdirSync(directory, { mode: 0o700 });
  chmodSync(directory, 0o777);
  await assert.rejects(watch(base, { logger: null }), { code: 'DEFERRED_UNSAFE_DIRECTORY' });
  chmodSync(directory, 0o700);
  const messages: string[] = [];
  let wake = (): void => {};
  const warned = new Promise<void>(resolve => {
    wake = resolve;
  });
  const logger = {
    info() {},
    warn: (message: string) => {
      messages.push(message);
      wake();
    },
  };
  const watching = startWatching(t, base, { pollMs: 10, logger });
  await leaveOrphan(t, { base, ledger, calls: [append('safe')] });
  await watching.until(({ ran }) => ran.length === 1);
  const late = await startWorker(t, { base, ledger, calls: [append('mended')] });
  chmodSync(directory, 0o777);
  await warned;
  await late.child.kill();
  chmodSync(directory, 0o700);
  await watching.until(({ ran }) => ran.length === 2);
  await watching.end();
  assert.equal(messages.filter(message => message.includes(directory)).length, 1, `${messages}`);
  assert.deepEqual(read(ledger), ['safe', 'mended']);
});

test('looks at everything are 10 ms apart at least, however small pollMs is', { skip }, async t => {
  const { base, directory } = freshPlace(t);
  const begun: number[] = [];
  let enough = (): void => {};
  const seen = new Promise<void>(resolve => {
    enough = resolve;
  });
  const count = (message: unknown): void => {
    if ((message as { directory?: string }).directory !== directory) return;
    begun.push(performance.now());
    if (begun.length === 21) enough();
  };
  subscribe('tracing:deferred-sweep:sweep:start', count);
  t.after(() => unsubscribe('tracing:deferred-sweep:sweep:start', count));
  const watching = startWatching(t, base, { pollMs: 0 });
  await seen;
  await watching.end();
  // Timers may be a fraction early.
  const tookMs = begun[20]! - begun[0]!;
  assert.ok(tookMs >= 20 * 9, `20 looks within ${tookMs} ms`);
});

for (const [how, onReport] of Object.entries({
  throws: () => {
    throw new Error('the reader is gone');
  },
  'rejects with': async () => {
    throw new Error('the reader is gone');
  },
}))
  test(`what onReport ${how} ends the watch`, { skip }, async t => {
    const { base, ledger } = freshPlace(t);
    await leaveOrphan(t, { base, ledger, calls: [append('ran')] });
    await assert.rejects(watch(base, { logger: null, onReport }), /the reader is gone/);
  });

test('what is no option of a watch is refused', async t => {
  const { base } = freshPlace(t);
  for (const wrong of [{ deadlineMs: 1 }, { waitMs: 1 }, { pollMs: -1 }, { onReport: 'x' }, { poll: 1 }]) {
    await assert.rejects(
      watch(base, wrong as object),
      error => error instanceof TypeError || error instanceof RangeError,
    );
  }
  await watch(base, { signal: AbortSignal.abort() });
});
