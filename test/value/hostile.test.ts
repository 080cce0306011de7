import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { DeferredSweepError } from '#dist/errors.js';
import { checkBounds } from '#dist/value/bounds.js';
import { decode, encode, special } from '#dist/value/codec.js';
import { restore } from '#dist/value/decode.js';
import { snapshot } from '#dist/value/encode.js';
import { sample, trials } from '../helpers/size.ts';
import { anyPlainValue, anyValue } from './arbitraries.js';
import { dearSamples, hostileSamples } from './hostile-samples.js';
import { readItem } from './tiny-reader.js';

/** Returns, or throws DEFERRED_STATE_CORRUPT; anything else fails the test. */
function readOrCorrupt(read: () => unknown): 'returned' | 'corrupt' {
  try {
    read();
    return 'returned';
  } catch (error) {
    if (!(error instanceof DeferredSweepError) || error.code !== 'DEFERRED_STATE_CORRUPT') throw error;
    assert.ok(!('cause' in error) || error.cause !== undefined);
    return 'corrupt';
  }
}

const decodeFunction = (): unknown => () => 1;
const prototypes = [Object, Array, Map, Set, Date, RegExp, Error, Function, Uint8Array].map(
  Class => Class.prototype,
);
const propertiesOfPrototypes = (): string =>
  prototypes.map(prototype => Reflect.ownKeys(prototype).map(String)).join();
const untouched = propertiesOfPrototypes();

function readBoth(bytes: Uint8Array): void {
  const before = Buffer.from(bytes);
  const decoded = readOrCorrupt(() => decode(bytes));
  // What is wrong is found before cbor-x sees it, and what cbor-x sees it takes.
  const checked = readOrCorrupt(() => checkBounds(bytes));
  assert.equal(checked, decoded);
  const restored = readOrCorrupt(() => restore(bytes, decodeFunction));
  if (decoded === 'corrupt') assert.equal(restored, 'corrupt');
  else readItem(bytes);
  assert.ok(before.equals(bytes), 'the bytes were changed');
  assert.deepEqual(Reflect.ownKeys(bytes).length, bytes.length, 'something was left on the bytes');
  assert.equal(propertiesOfPrototypes(), untouched);
}

test('any bytes are either decoded or corrupt', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), readBoth), { numRuns: trials(5000) });
  fc.assert(
    fc.property(
      fc.array(fc.constantFrom(0x81, 0xa1, 0x61, 0x60, 0x00, 0x9a, 0xd9, 0xde, 0xf5, 0x82), {
        maxLength: 40,
      }),
      bytes => readBoth(Uint8Array.from(bytes)),
    ),
    { numRuns: trials(5000) },
  );
});

const kinds = [
  '-0',
  'string',
  'bigint',
  'null-prototype',
  'Date',
  'RegExp',
  'Map',
  'Set',
  'Error',
  'function',
].concat([
  'Buffer',
  'ArrayBuffer',
  'DataView',
  'Float64Array',
  'BigInt64Array',
  'shared',
  'constructor',
  '__proto__',
  'eval',
  'Function',
  'toString',
  '',
]);

const anyTree = fc.letrec(tie => ({
  tree: fc.oneof(
    { maxDepth: 5 },
    fc.oneof(
      fc.constantFrom(
        ...kinds,
        null,
        undefined,
        true,
        0,
        1,
        -1,
        0.5,
        4294967295,
        Number.NaN,
        'TypeError',
        '(',
        'g',
        'lastIndex',
      ),
      fc.uint8Array({ maxLength: 17 }),
    ),
    fc.array(tie('tree'), { maxLength: 4 }),
    fc.dictionary(
      fc.constantFrom('a', 'constructor', 'toString', 'valueOf', 'then', 'message', 'stack', 'length'),
      tie('tree'),
    ),
    fc
      .tuple(fc.constantFrom(...kinds), fc.array(tie('tree'), { maxLength: 5 }))
      .map(([kind, parts]) => special([kind, ...parts])),
    fc.array(tie('tree'), { maxLength: 5 }).map(parts => special(['shared', ...parts])),
    tie('tree').map(tree => special(tree)),
    fc.nat(4).map(index => special(index)),
  ),
})).tree;

test('any specials, however wrong, are either restored or corrupt', () => {
  fc.assert(
    fc.property(anyTree, tree => readBoth(encode(tree))),
    { numRuns: trials(10_000) },
  );
  fc.assert(
    fc.property(anyTree, fc.array(anyTree, { maxLength: 3 }), (root, table) =>
      readBoth(encode(special(['shared', root, ...table]))),
    ),
    { numRuns: trials(5000) },
  );
});

const samples = [
  ...fc.sample(anyValue, { numRuns: 40, seed: 1 }),
  ...fc.sample(anyPlainValue, { numRuns: 20, seed: 1 }),
  ['/scratch/42', { force: true }],
].map(value => snapshot(value, 'sample'));

test('every truncation of a snapshot is corrupt', () => {
  for (const bytes of sample(samples, 20)) {
    for (let length = 0; length < Math.min(bytes.length, 2000); length++) {
      const cut = new Uint8Array(bytes.subarray(0, length));
      assert.equal(
        readOrCorrupt(() => checkBounds(cut)),
        'corrupt',
      );
      assert.equal(
        readOrCorrupt(() => restore(cut)),
        'corrupt',
      );
    }
  }
});

test('a byte after a snapshot is corrupt', () => {
  for (const bytes of samples) {
    assert.equal(
      readOrCorrupt(() => checkBounds(Buffer.concat([bytes, Buffer.of(0)]))),
      'corrupt',
    );
  }
});

test('a snapshot with any one bit flipped is either restored or corrupt', () => {
  for (const bytes of sample(samples.slice(0, 30), 10)) {
    const flipped = new Uint8Array(bytes);
    for (let bit = 0; bit < Math.min(flipped.length, 400) * 8; bit++) {
      flipped[bit >> 3]! ^= 1 << (bit & 7);
      readOrCorrupt(() => restore(flipped));
      flipped[bit >> 3]! ^= 1 << (bit & 7);
    }
  }
  assert.equal(propertiesOfPrototypes(), untouched);
});

test('a special of a shape that no snapshot has is corrupt', () => {
  for (const content of [
    [],
    'text',
    null,
    -1,
    0.5,
    0,
    ['unknown kind'],
    [['Map']],
    ['string', bytesOf(1)],
    ['string', 'text'],
    ['bigint', '0x10'],
    ['bigint', '-'],
    ['bigint', 'FF'],
    ['bigint', 10],
    ['null-prototype'],
    ['null-prototype', null],
    ['null-prototype', bytesOf(1)],
    ['null-prototype', ['key', 'value']],
    ['Date', '2026'],
    ['RegExp', '(', '', 0],
    ['RegExp', 'a', 'gg', 0],
    ['RegExp', 'a', 'g'],
    ['Map', 'key without value'],
    ['Error', 'Function', {}, {}],
    ['Error', { toString: 1 }, {}, {}],
    ['Error', 'Error', {}],
    ['Float64Array', bytesOf(1, 2, 3)],
    ['DataView', 'text'],
    ['DataView', special(['ArrayBuffer', bytesOf(1)]), 0, 1],
    ['Buffer', [1]],
    [{ toString: 1 }, bytesOf(1)],
    ['shared', special(0)],
    ['shared', special(1), {}],
    ['shared', special(0), special(1), {}],
    ['shared', special(1), {}, special(0)],
    ['ArrayBuffer', 'text'],
    [['shared', 1]],
  ]) {
    assert.equal(
      readOrCorrupt(() => restore(encode(special(content)))),
      'corrupt',
      JSON.stringify(content),
    );
  }
  assert.equal(
    readOrCorrupt(() => restore(encode([special(['shared', special(0), {}])]))),
    'corrupt',
    'a table not at the top',
  );
});

function bytesOf(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}

test('a key "__proto__" is corrupt wherever it stands', () => {
  for (const tree of [
    JSON.parse('{"__proto__": {"polluted": 1}}'),
    [JSON.parse('{"a": {"__proto__": 1}}')],
    special(['null-prototype', ['__proto__', 1]]),
    special(['Error', 'Error', ['__proto__', 1], {}]),
  ]) {
    assert.equal(
      readOrCorrupt(() => restore(encode(tree))),
      'corrupt',
    );
  }
  assert.equal(propertiesOfPrototypes(), untouched);
});

test('restoring finds no setter, inherited or own', () => {
  const set = (): never => assert.fail('a setter was run');
  Object.defineProperty(Error.prototype, 'trap', { set, configurable: true });
  try {
    const restored = restore(
      snapshot([Object.defineProperty(new Error('x'), 'trap', { value: 1, enumerable: true })], 'args'),
    );
    assert.equal((restored as [{ trap: number }])[0].trap, 1);
  } finally {
    Reflect.deleteProperty(Error.prototype, 'trap');
  }
});

/** Reads samples in a process of their own with little memory, as hanging and dying are what is tested for. */
function readInChild(names: readonly string[]): string[] {
  const child = fileURLToPath(new URL('./hostile-child.js', import.meta.url));
  const { signal, status, stdout, stderr } = spawnSync(
    process.execPath,
    ['--max-old-space-size=512', child, ...names],
    { timeout: hangMs, encoding: 'utf8' },
  );
  assert.equal(signal, null, `it hangs after ${stdout}`);
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
}

/** No answer for this long means a hang, not a slow machine. */
const hangMs = 60_000;

test('bytes made to hang or kill a decoder, or to make it do something clever, are corrupt', () => {
  const names = Object.keys(hostileSamples).filter(name => !(name in dearSamples));
  const corrupt = 'DEFERRED_STATE_CORRUPT';
  assert.deepEqual(
    readInChild(names),
    names.map(name => `${name}: ${corrupt}, ${corrupt}, ${corrupt}`),
  );
});

for (const name of sample(Object.keys(dearSamples), 3)) {
  test(`the dearest bytes that are taken end in bounded time and memory: ${name}`, () => {
    assert.match(readInChild([name])[0]!, /: returned, returned, (returned|DEFERRED_STATE_CORRUPT)$/);
  });
}
