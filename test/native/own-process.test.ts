import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { test } from 'node:test';
import { SHARE_ENV, Worker } from 'node:worker_threads';
import { nativeAddon } from '#dist/lock/native.js';
import { ownEnvironment } from '#dist/native/own-process.js';

const NAME = 'DEFERRED_SWEEP_TEST_VARIABLE';

function isEnvironment(bytes: Buffer): boolean {
  return ownEnvironment(bytes) === bytes;
}

/** What `change` makes of the answer; the variable is gone afterwards. */
function after(change: () => void): boolean {
  const before = ownEnvironment();
  assert.equal(isEnvironment(before), true);
  try {
    change();
    return isEnvironment(before);
  } finally {
    delete process.env[NAME];
  }
}

test('an environment is the same until a variable is set, changed or deleted', () => {
  assert.equal(
    after(() => {}),
    true,
  );
  assert.equal(
    after(() => {
      process.env[NAME] = '';
    }),
    false,
  );
  for (const [value, isSame] of [
    ['as it was', true],
    ['as it is', false],
    ['as it was, and more', false],
    ['', false],
    ['as it waſ', false],
  ] as const) {
    process.env[NAME] = 'as it was';
    assert.equal(
      after(() => {
        process.env[NAME] = value;
      }),
      isSame,
      value,
    );
  }
  process.env[NAME] = 'as it was';
  assert.equal(
    after(() => delete process.env[NAME]),
    false,
  );
});

test('it is what the environment of JavaScript says, also with many variables and a long one', () => {
  const names = Array.from({ length: 3000 }, (_, index) => `${NAME}_${index}`);
  try {
    for (const [index, name] of names.entries()) process.env[name] = 'x'.repeat(index % 70);
    process.env[names[0]!] = 'ä'.repeat(60_000);
    const bytes = ownEnvironment();
    const strings = bytes.toString().split('\0');
    assert.equal(strings.pop(), '');
    assert.deepEqual(
      strings,
      Object.entries(process.env).map(([name, value]) => `${name}=${value}`),
    );
    for (const name of [names[0]!, names[1]!, names.at(-1)!]) {
      const value = process.env[name]!;
      process.env[name] = `${value}x`;
      assert.equal(isEnvironment(bytes), false, name);
      process.env[name] = value;
      assert.equal(isEnvironment(bytes), true, name);
    }
  } finally {
    for (const name of names) delete process.env[name];
  }
});

test('bytes that differ anywhere, are fewer or more are not the environment', () => {
  const bytes = ownEnvironment();
  for (let at = 0; at < bytes.length; at++) {
    bytes[at]! ^= 1;
    assert.equal(isEnvironment(bytes), false, `byte ${at}`);
    bytes[at]! ^= 1;
    assert.equal(isEnvironment(bytes.subarray(0, at)), false, `${at} bytes`);
  }
  for (const more of ['\0', 'x', 'A=b\0', '\0\0'])
    assert.equal(isEnvironment(Buffer.concat([bytes, Buffer.from(more)])), false);
  const same = Buffer.from(bytes);
  assert.equal(ownEnvironment(same), same);
});

test('an empty environment has no bytes', () => {
  const script = `const { ownEnvironment } = await import('${import.meta.resolve('#dist/native/own-process.js')}');
    for (const name of Object.keys(process.env)) delete process.env[name];
    console.log(ownEnvironment().length, ownEnvironment(Buffer.alloc(1)).length);`;
  const said = execFileSync(process.execPath, ['--input-type=module', '-e', script]);
  assert.equal(String(said), '0 0\n');
});

test('what a thread changes counts where it shares the environment, and not where it has a copy', async () => {
  const answerAfter = async (env: typeof SHARE_ENV | NodeJS.ProcessEnv): Promise<boolean> => {
    const before = ownEnvironment();
    const worker = new Worker(`process.env.${NAME} = 'of the worker'`, { eval: true, env });
    await once(worker, 'exit');
    return isEnvironment(before);
  };
  assert.equal(await answerAfter(process.env), true);
  assert.equal(await answerAfter(SHARE_ENV), false);
  assert.equal(process.env[NAME], 'of the worker');
  delete process.env[NAME];
});

test('anything but bytes is a wrong argument', () => {
  const unchecked = nativeAddon().copyEnvironment as (...values: unknown[]) => unknown;
  for (const values of [[], [undefined], ['text'], [7], [{}], [[]]])
    assert.throws(() => unchecked(...values), TypeError);
});
