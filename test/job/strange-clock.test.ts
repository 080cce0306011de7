/** What is acknowledged is readable, whatever the clock, the options of Node and the texts of errors are. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { encode } from '#dist/value/codec.js';
import { read } from '../helpers/calls.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { deferOf, framesOf, headerOf, startOf, stateBase } from '../helpers/state-bytes.ts';

const write = (path: string): void => {
  process.getBuiltinModule('fs').writeFileSync(path, '');
};

/** What `Date.now` may give: under test clocks, before 1970, on a board without a battery. */
const TIMES: readonly unknown[] = [
  0,
  -1,
  -0.5,
  Number.NaN,
  Number.POSITIVE_INFINITY,
  '2020-01-01',
  undefined,
];

for (const time of TIMES) {
  for (const from of ['open', 'defer', 'close']) {
    test(`a function is run where Date.now gives ${String(time)} from ${from} on`, async t => {
      const base = freshDirectory(t);
      const out = join(base, 'out');
      const { now } = Date;
      t.after(() => {
        Date.now = now;
      });
      const setClock = (step: string) => {
        if (from === step) Date.now = () => time as number;
      };
      setClock('open');
      const job = await new DeferredFunctionManager(base, { logger: null }).open();
      setClock('defer');
      job.defer(write, out);
      setClock('close');
      const { ok } = await job.close();
      assert.equal(existsSync(out), true);
      assert.equal(ok, 1);
    });
  }
}

test('a clock that is set forward while a sweep goes on keeps no function that was tried before from it', async t => {
  const base = freshDirectory(t);
  const manager = new DeferredFunctionManager(base, { logger: null, retryDelayMs: 0 });
  const job = await manager.open();
  job.defer(() => {
    throw new Error('no');
  });
  assert.equal((await job.close()).failed, 1);
  const { now } = Date;
  t.after(() => {
    Date.now = now;
  });
  // The clock of the sweeper, as on a board without a battery; its runner has the right one already.
  Date.now = () => 5000;
  const { failed } = await sweep(base, { logger: null });
  assert.equal(failed, 1);
});

/** What programs, launchers and test runners leave in `process.execArgv`. */
const OPTIONS: readonly unknown[] = [['\ud800'], ['a\0b'], [7, null, { a: 1 }, {}], 'no list', undefined];

for (const options of OPTIONS) {
  test(`a function is run where process.execArgv is ${JSON.stringify(options)}`, async t => {
    const base = freshDirectory(t);
    const out = join(base, 'out');
    const { execArgv } = process;
    t.after(() => {
      process.execArgv = execArgv;
    });
    process.execArgv = options as string[];
    const job = await new DeferredFunctionManager(base, { logger: null }).open();
    job.defer(write, out);
    assert.equal((await job.close()).ok, 1);
    assert.equal(existsSync(out), true);
  });
}

/** Errors whose texts UTF-8 cannot hold, each thrown by a function of its own. */
const ERRORS: Readonly<Record<string, () => unknown>> = {
  // Its message quotes half of the character.
  message: () => JSON.parse('\u{1F600}'),
  name: () => {
    throw Object.assign(new Error('x'), { name: '\ud800' });
  },
  code: () => {
    throw Object.assign(new Error('x'), { code: '\udc00' });
  },
  cause: () => {
    throw new Error('x', { cause: new Error('\ud800') });
  },
  stack: () => {
    throw Object.assign(new Error('x'), { stack: '\ud800' });
  },
  'cut in the middle of a character': () => {
    throw new Error(`${'x'.repeat(16_383)}\u{1F600}`);
  },
  'a thrown text': () => {
    throw '\ud800';
  },
  'a NUL and a byte order mark': () => {
    throw new Error(`\ufeff\0${'x'.repeat(100)}`);
  },
};

for (const [label, fail] of Object.entries(ERRORS)) {
  test(`a function that fails with a text that is not well-formed Unicode does not stop the next: ${label}`, async t => {
    const base = freshDirectory(t);
    const out = join(base, 'out');
    const manager = new DeferredFunctionManager(base, { logger: null, maxAttempts: 2 });
    const job = await manager.open();
    job.defer(fail);
    job.defer(write, out);
    const report = await job.close();
    assert.equal(existsSync(out), true);
    assert.deepEqual(
      report.files[0]?.functions.map(({ outcome }) => outcome),
      ['failed', 'ok'],
    );
    await manager.close();
  });
}

test('what was tried before the clock was set back runs now: no wait is counted from the future', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const atEpochMs = Date.now() + 3_600_000;
  const call = (id: number, text: string) =>
    deferOf(id, [ledger, `${text}\n`], {
      function: encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' }),
      retryDelayMs: 1000,
    });
  const start = (id: number) => ({ ...startOf(id), atEpochMs });
  const error = { name: 'Error', message: 'not today' };
  put(
    Buffer.concat(
      framesOf(headerOf(), ...[call(1, 'interrupted'), start(1), call(2, 'failed'), start(2)], {
        kind: 'done',
        id: 2,
        attempt: 1,
        atEpochMs,
        error,
        final: false,
      }),
    ),
  );
  assert.equal((await sweep(base, { logger: null })).ok, 2);
  assert.deepEqual(read(ledger), ['interrupted', 'failed']);
});
