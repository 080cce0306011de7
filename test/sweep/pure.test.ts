import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { reportError } from '#dist/report/reported-error.js';
import { resolveSweepOptions, type SweepOptions } from '#dist/sweep/options.js';
import { takeCalls } from '../helpers/ran.js';
import { deferOf, framesOf, headerOf, startOf, stateBase } from '../helpers/state-bytes.js';
import { sweepHere } from '../helpers/sweep-here.js';

const start = (attempt: number) => startOf(1, attempt);
const failed = (attempt: number) =>
  ({
    kind: 'done',
    id: 1,
    attempt,
    atEpochMs: 2,
    error: { name: 'Error', message: 'busy' },
    final: false,
  }) as const;

test('wrong options throw, naming the option', () => {
  const wrong: [string, unknown][] = [
    ['lock', 'fcntl'],
    ['isolation', 'none'],
    ['durabilty', 'disk'],
    ['concurrency', 0],
    ['maxTimeoutMs', -1],
    ['retryDelayMs', '1s'],
    ['waitMs', Number.NaN],
    ['timeoutMs', '1'],
    ['timeoutMs', -1],
    ['timeoutMs', 2 ** 31],
    ['timeoutMs', Number.NaN],
    ['maxAttempts', 0],
    ['maxAttempts', 1.5],
    ['deadlineMs', Number.POSITIVE_INFINITY],
    ['signal', {}],
    ['logger', { info() {} }],
  ];
  for (const [name, value] of wrong) {
    assert.throws(() => resolveSweepOptions({ [name]: value } as SweepOptions), new RegExp(`"${name}"`));
  }
});

test('whatever is thrown becomes plain data, cut to a bounded length', () => {
  assert.deepEqual(reportError('text'), { name: 'Error', message: 'thrown: text' });
  const cause = new Error('the disk is full');
  assert.equal(reportError(new Error('cannot write', { cause })).message, 'cannot write: the disk is full');
  assert.ok(reportError(new Error('x'.repeat(1e6))).message.length <= 16_385);
  // What a `fetch` throws whose time is up: no native error before Node 24.
  const timedOut = new DOMException('it took too long', 'TimeoutError');
  const { name, message } = reportError(timedOut);
  assert.deepEqual([name, message], ['TimeoutError', 'it took too long']);
  assert.equal(
    reportError(new Error('cannot ask', { cause: timedOut })).message,
    'cannot ask: it took too long',
  );
  const hostile = new Error('hostile');
  Object.defineProperty(hostile, 'message', {
    get() {
      throw new Error('no');
    },
  });
  assert.match(reportError(hostile).message, /cannot be shown/);
});

test('a function whose runner died is run again at least once, and buried where it may run at most once', async t => {
  const { base, put } = stateBase(t);
  put(Buffer.concat(framesOf(headerOf(), deferOf(1, ['again']), start(1))), 'funca');
  put(
    Buffer.concat(framesOf(headerOf(), deferOf(1, ['never'], { delivery: 'at-most-once' }), start(1))),
    'funcb',
  );
  const report = await sweepHere(base);
  assert.deepEqual(takeCalls(), [['again']]);
  const [again, never] = report.files;
  assert.equal(again?.functions[0]?.outcome, 'ok');
  assert.equal(again?.functions[0]?.attempt, 2);
  assert.equal(never?.functions[0]?.outcome, 'skipped');
  assert.equal(never?.functions[0]?.error?.code, 'DEFERRED_CRASHED');
  assert.equal(never?.functions[0]?.deadLetter, join(base, 'deferred', 'dead', 'funcb-1'));
  assert.deepEqual(readdirSync(join(base, 'deferred')), ['dead']);
});

test('a function without attempts left is buried with its last error and not run', async t => {
  const { base, put } = stateBase(t);
  const marks = [start(1), failed(1), start(2), failed(2), start(3), failed(3)];
  put(Buffer.concat(framesOf(headerOf(), deferOf(1, ['spent']), ...marks)));
  const report = await sweepHere(base);
  assert.deepEqual(takeCalls(), []);
  assert.deepEqual(report.files[0]?.functions[0]?.error, { name: 'Error', message: 'busy' });
  assert.deepEqual(readdirSync(join(base, 'deferred', 'dead')), ['funcfile-1']);
});

for (const [clock, offsetMs, ran] of [
  ['goes on', 0, []],
  ['was set back', 86_400_000, [1]],
] as const)
  test(`a function that failed where the clock ${clock} since ${ran.length ? 'runs now' : 'waits'}`, async t => {
    const { base, put } = stateBase(t);
    const atEpochMs = Date.now() + offsetMs;
    const marks = [start(1), failed(1)].map(mark => ({ ...mark, atEpochMs }));
    put(Buffer.concat(framesOf(headerOf(), deferOf(1, [1]), ...marks)));
    const report = await sweepHere(base, { retryDelayMs: 60_000 });
    assert.deepEqual([takeCalls().flat(), report.pending], [ran, 1 - ran.length]);
  });

test('functions run in the order their owner asked for', async t => {
  const { base, put } = stateBase(t);
  const records = [deferOf(1, [1]), deferOf(2, [2]), deferOf(3, [3])];
  put(Buffer.concat(framesOf(headerOf({ order: 'lifo' }), ...records)), 'funca');
  put(Buffer.concat(framesOf(headerOf({ order: 'fifo' }), ...records)), 'funcb');
  await sweepHere(base);
  assert.deepEqual(takeCalls().flat(), [3, 2, 1, 1, 2, 3]);
});
