/** What is acknowledged is readable, whatever the clock, the options of Node and the texts of errors are. */
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';

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
