import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';

import { restore } from '#dist/value/decode.js';
import { snapshot } from '#dist/value/encode.js';
import { isPlainText } from '#dist/value/plain-text.js';
import { trials } from '../helpers/size.ts';
import { anyPlainValue, anyText, anyValue } from './arbitraries.js';
import { assertSameGraph } from './same-graph.js';

function roundTrip(value: unknown): unknown {
  return restore(snapshot(value, 'value'));
}

test('any accepted value comes back equal, with its cycles and shared references', () => {
  fc.assert(
    fc.property(anyValue, value => assertSameGraph(roundTrip(value), value)),
    { numRuns: trials(2000) },
  );
});

test('any plain value comes back equal', () => {
  fc.assert(fc.property(anyPlainValue, value => assertSameGraph(roundTrip(value), value)));
});

test('any text comes back as it was, also as a key of a Map, and as a property where UTF-8 can hold it', () => {
  fc.assert(
    fc.property(anyText, text => {
      assert.equal(roundTrip(text), text);
      assert.deepEqual([...(roundTrip(new Map([[text, 1]])) as Map<string, number>)], [[text, 1]]);
      if (text !== '__proto__' && isPlainText(text))
        assert.deepEqual(Object.keys(roundTrip({ [text]: 1 }) as object), [text]);
    }),
    { numRuns: trials(2000) },
  );
  // Where cbor-x guesses the width of the length and then moves the text.
  for (const length of [21845, 21846, 65534, 65535, 65536, 65537]) {
    for (const character of ['a', 'é', '€'])
      assert.equal(roundTrip(character.repeat(length)), character.repeat(length));
  }
});

const shared = { shared: true };
const inItself: { self?: unknown } = {};
inItself.self = inItself;
const mapInItself = new Map<unknown, unknown>();
mapInItself.set(mapInItself, new Set([mapInItself]));
let systemError: unknown;
try {
  readFileSync('/nowhere/at all');
} catch (error) {
  systemError = error;
}
const aggregate = new AggregateError([systemError, 'text'], 'both', { cause: new RangeError('deeper') });
const tuned = /a(b)\/c/dgimsuy;
tuned.lastIndex = 7;

// What assert.deepStrictEqual itself says, beside our own comparison.
for (const [name, value] of Object.entries({
  undefined: undefined,
  null: null,
  'minus zero': -0,
  'not a number': Number.NaN,
  infinities: [Infinity, -Infinity],
  'integers around the widths': [
    0,
    23,
    24,
    255,
    256,
    65535,
    65536,
    2 ** 32 - 1,
    2 ** 32,
    2 ** 53,
    -1,
    -24,
    -25,
    -(2 ** 31),
    -(2 ** 32),
    -(2 ** 53),
  ],
  'lone surrogates': ['\ud800', 'a\udfff', '\udc00\ud800'],
  'a byte order mark before long text': `\ufeff${'x'.repeat(100)}`,
  bigints: [0n, -1n, 2n ** 64n, -(2n ** 64n), 3n ** 5000n],
  'a plain object': { a: 1, 'odd key': [], '': {}, constructor: 1, 2: 'two', 1: 'one' },
  'an object without prototype': Object.assign(Object.create(null), { a: { b: Object.create(null) } }),
  'a date': new Date(1234567890123),
  'a regular expression': tuned,
  'a map': new Map<unknown, unknown>([
    ['k', 1],
    [{ key: 1 }, new Map()],
    [Number.NaN, -0],
  ]),
  'a set': new Set([1, 'a', new Set()]),
  'a Buffer of the pool': Buffer.from('hello'),
  'a large Buffer': Buffer.alloc(100_000, 'xyz'),
  'a Uint8Array': new Uint8Array([1, 2, 3]),
  'typed arrays': [
    new Float64Array([-0, Number.NaN, 1.5]),
    new BigInt64Array([-1n]),
    new Int16Array(0),
    new Uint8ClampedArray(3),
  ],
  'an ArrayBuffer': new Uint8Array([1, 2, 3]).buffer,
  'a DataView of a part': new DataView(new ArrayBuffer(16), 3, 5),
  'a system error': systemError,
  'an aggregate error': aggregate,
  'an error without message': new TypeError(),
  'a shared object': [shared, shared, [shared]],
  'an object in itself': inItself,
  'a map in itself': mapInItself,
})) {
  test(`comes back equal: ${name}`, () => {
    const restored = roundTrip(value);
    assert.deepStrictEqual(restored, value);
    assertSameGraph(restored, value);
  });
}

test('an invalid date comes back invalid', () => {
  assert.ok(Number.isNaN((roundTrip(new Date(Number.NaN)) as Date).getTime()));
});

test('an error keeps its stack, cause and errors, and restoring it makes no stack', () => {
  const calls: unknown[] = [];
  const bytes = snapshot(aggregate, 'error');
  const { prepareStackTrace, stackTraceLimit } = Error;
  Error.prepareStackTrace = error => calls.push(error);
  let restored: AggregateError;
  try {
    restored = restore(bytes) as AggregateError;
    assert.equal(restored.stack, aggregate.stack);
  } finally {
    Error.prepareStackTrace = prepareStackTrace;
  }
  assert.deepEqual(calls, []);
  assert.equal(Error.stackTraceLimit, stackTraceLimit);
  assert.ok(restored.cause instanceof RangeError);
  assert.equal(restored.errors[0].code, 'ENOENT');
  assert.deepEqual(Object.keys(restored), []);
});

test('properties of an error that are not enumerable are not kept, but for the usual ones', () => {
  const error = Object.defineProperties(new Error('x'), {
    toString: { value: () => '' },
    [Symbol('mark')]: { value: 1 },
  });
  assert.deepEqual(Reflect.ownKeys(roundTrip(error) as Error).sort(), ['message', 'stack']);
});

test('of a view only the bytes it shows are stored', () => {
  const view = new Uint16Array(new ArrayBuffer(1_000_000), 10, 2);
  assert.ok(snapshot(view, 'view').length < 100);
  assert.equal((roundTrip(view) as Uint16Array).buffer.byteLength, 4);
  assert.equal((roundTrip(Buffer.from('pooled')) as Buffer).buffer.byteLength, 6);
});

test('restored bytes neither change with the buffer they were read from nor keep it', () => {
  const source = snapshot([new Uint8Array([1, 2, 3]), Buffer.from('abc')], 'value');
  const [bytes, buffer] = restore(source) as [Uint8Array, Buffer];
  source.fill(0);
  assert.deepEqual([...bytes], [1, 2, 3]);
  assert.equal(buffer.toString(), 'abc');
  assert.notEqual(bytes.buffer, source.buffer);
  assert.deepEqual(Object.keys(source.subarray(0, 0)), [], 'nothing is left on the source');
});

test('a snapshot does not change with the value, nor with later snapshots', () => {
  const value = [{ n: 1 }];
  const first = snapshot(value, 'value');
  const copy = Buffer.from(first);
  value[0]!.n = 2;
  for (let i = 0; i < 2000; i++) snapshot(['x'.repeat(i)], 'value');
  assert.deepEqual(first, copy);
  assert.deepEqual(restore(first), [{ n: 1 }]);
});

test('arrays and objects of 100,000 elements come back equal', () => {
  const array = Array.from({ length: 100_000 }, (_, i) => i * 1.5);
  assert.deepStrictEqual(roundTrip(array), array);
  const object = Object.fromEntries(array.map(i => [`key ${i}`, i]));
  assertSameGraph(roundTrip(object), object);
  const map = new Map(array.map(i => [i, String(i)]));
  assertSameGraph(roundTrip(map), map);
});

test('a bigint of a million digits is stored and restored in linear time', { timeout: 300_000 }, () => {
  const big = (1n << 8_000_000n) - 1n;
  assert.ok(roundTrip(big) === big);
});
