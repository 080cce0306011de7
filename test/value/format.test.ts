import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { test } from 'node:test';
import fc from 'fast-check';

import { decode, encode, special } from '#dist/value/codec.js';
import { restore } from '#dist/value/decode.js';
import { snapshot } from '#dist/value/encode.js';
import { anyPlainValue } from './arbitraries.js';
import { assertSameGraph } from './same-graph.js';
import { readItem, Tagged } from './tiny-reader.js';

test('plain values are plain CBOR: any reader gets them, and no tag', () => {
  const cbor = createRequire(import.meta.url)('cbor-x') as { decode(bytes: Uint8Array): unknown };
  fc.assert(
    fc.property(anyPlainValue, value => {
      const bytes = snapshot(value, 'value');
      assertSameGraph(readItem(bytes), value);
      assert.deepEqual(cbor.decode(bytes), cbor.decode(encode(value)));
    }),
  );
});

const shared = { a: 1 };
const cycle: unknown[] = [];
cycle.push(cycle);
const error = Object.assign(new TypeError('m', { cause: null }), { code: 'E' });
Object.defineProperty(error, 'stack', { value: 'S' });
const special_ = (...content: unknown[]): Tagged => new Tagged(0xdef5, content);
const bytes = (...values: number[]): Uint8Array => new Uint8Array(values);

// What docs/format.md promises. A change here is a change of the format: files written before must still be read.
const forms: readonly [unknown, unknown][] = [
  [-0, special_('-0')],
  [-255n, special_('bigint', '-ff')],
  ['\ud800a', special_('string', bytes(0x00, 0xd8, 0x61, 0x00))],
  ['\ufeff', special_('string', bytes(0xff, 0xfe))],
  [Object.assign(Object.create(null), { a: 1 }), special_('null-prototype', { a: 1 })],
  [new Date(1500), special_('Date', 1500)],
  [new Date(Number.NaN), special_('Date', Number.NaN)],
  [/a\/b/gi, special_('RegExp', 'a\\/b', 'gi', 0)],
  [new Map([['k', [1]]]), special_('Map', 'k', [1])],
  [new Set(['a', 2]), special_('Set', 'a', 2)],
  [new Uint8Array([1]), bytes(1)],
  [Buffer.from([1]), special_('Buffer', bytes(1))],
  [new ArrayBuffer(1), special_('ArrayBuffer', bytes(0))],
  [new DataView(new ArrayBuffer(2), 1), special_('DataView', bytes(0))],
  [new Int16Array([258]), special_('Int16Array', bytes(2, 1))],
  [new Float64Array([1]), special_('Float64Array', bytes(0, 0, 0, 0, 0, 0, 0xf0, 0x3f))],
  [error, special_('Error', 'TypeError', { stack: 'S', message: 'm', cause: null }, { code: 'E' })],
  [[shared, shared], special_('shared', [new Tagged(0xdef5, 0), new Tagged(0xdef5, 0)], { a: 1 })],
  [cycle, special_('shared', new Tagged(0xdef5, 0), [new Tagged(0xdef5, 0)])],
];

test('each kind of value has the form docs/format.md gives it', () => {
  for (const [value, form] of forms) assert.deepStrictEqual(readItem(snapshot(value, 'value')), form);
});

test('the tag is written in three bytes, d9 de f5', () => {
  assert.equal(snapshot(-0, 'value').toString('hex'), 'd9def581622d30');
});

test('hot values are as small as CBOR can be', () => {
  assert.equal(snapshot(['/scratch/42', { force: true }], 'args').length, 21);
});

test('longer forms of lengths, and shorter floats, are read as well', () => {
  for (const [hex, value] of [
    ['1800', 0],
    ['190001', 1],
    ['1b0000000000000001', 1],
    ['1b001fffffffffffff', Number.MAX_SAFE_INTEGER],
    ['3b001ffffffffffffe', Number.MIN_SAFE_INTEGER],
    ['f93c00', 1],
    ['fa3fc00000', 1.5],
    ['9a0000000101', [1]],
    ['bb00000000000000016161f5', { a: true }],
    ['dadef5', undefined],
    ['da0000def581622d30', -0],
  ] as const) {
    if (value === undefined)
      assert.throws(() => restore(Buffer.from(hex, 'hex')), { code: 'DEFERRED_STATE_CORRUPT' });
    else assert.deepStrictEqual(restore(Buffer.from(hex, 'hex')), value);
  }
});

test('a tree of the codec comes back as it was, specials too', () => {
  const tree = {
    kind: 'defer',
    id: 7,
    args: new Uint8Array([1, 2]),
    nothing: null,
    list: [undefined, true, 1.5, 'é'],
  };
  assert.deepStrictEqual(decode(encode(tree)), tree);
  assert.deepStrictEqual(decode(encode([special(['x', 1])])), [special(['x', 1])]);
});
