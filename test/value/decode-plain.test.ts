import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkBounds } from '#dist/value/bounds.js';
import { decodeChecked, encode } from '#dist/value/codec.js';
import { restore } from '#dist/value/decode.js';
import { decodePlain } from '#dist/value/decode-plain.js';
import { trials } from '../helpers/size.ts';

function general(bytes: Uint8Array): unknown {
  checkBounds(bytes);
  return decodeChecked(bytes);
}

const leaf = fc.oneof(
  fc.string({ unit: 'binary-ascii', maxLength: 300 }),
  fc.nat(),
  fc.nat({ max: 2 ** 32 - 1 }),
  // Integers below 0 are for the general decoder.
  fc.double().filter(value => value > 0 || !Number.isInteger(value)),
  fc.boolean(),
  fc.constant(null),
  fc.uint8Array({ maxLength: 300 }),
);
const name = fc.string({ unit: 'binary-ascii', maxLength: 23 }).filter(text => text !== '__proto__');
const plainTree = fc.letrec(tie => ({
  tree: fc.oneof(
    { maxDepth: 6 },
    leaf,
    fc.array(tie('tree'), { maxLength: 30 }),
    fc.dictionary(name, tie('tree'), { maxKeys: 30 }),
  ),
})).tree;

test('plain CBOR is decoded to the tree that the general decoder makes', () => {
  fc.assert(
    fc.property(plainTree, tree => {
      const bytes = encode(tree);
      fc.pre(bytes.length <= 16 * 1024);
      const decoded = decodePlain(bytes);
      assert.notEqual(decoded, undefined);
      assert.deepEqual(decoded, general(bytes));
    }),
    { numRuns: trials(3000) },
  );
});

test('bytes that the general decoder refuses are not decoded, and others not differently', () => {
  let decoded = 0;
  const changed = fc.tuple(plainTree, fc.nat(), fc.nat({ max: 255 }), fc.integer({ min: -3, max: 3 }));
  fc.assert(
    fc.property(changed, ([tree, at, byte, longer]) => {
      const bytes = Buffer.concat([encode(tree), Buffer.alloc(3)]);
      const cut = bytes.subarray(0, Math.max(1, bytes.length - 3 + longer));
      cut[at % cut.length] = byte;
      const found = decodePlain(cut);
      if (found === undefined) return;
      decoded += 1;
      assert.deepEqual(found, general(cut));
    }),
    { numRuns: trials(5000) },
  );
  assert.ok(decoded > 0, 'nothing was decoded');
});

test('what is not plain is left to the general decoder', () => {
  const nested = (levels: number): unknown => (levels === 0 ? 1 : [nested(levels - 1)]);
  const others = [
    'ä',
    -1,
    undefined,
    { ä: 1 },
    ['€'],
    nested(9),
    'a'.repeat(17_000),
    { ['a'.repeat(24)]: 1 },
  ];
  for (const tree of others) assert.equal(decodePlain(encode(tree)), undefined, String(tree).slice(0, 20));
  assert.equal(decodePlain(encode(JSON.parse('{ "__proto__": 1 }'))), undefined);
  // An integer of 64 bits.
  assert.equal(decodePlain(Buffer.from('1bffffffffffffffff', 'hex')), undefined);
});

test('a text is that of its own bytes, also where another one has the same hash', () => {
  // 31 * 'A' + 'a' = 31 * 'B' + 'B'
  for (const text of ['Aa', 'BB', 'Aa', 'AaBB', 'BBAa', 'BBBB', 'AaAa'])
    assert.deepEqual(decodePlain(encode({ [text]: text })), { [text]: text });
});

test('the bytes in a value are left to the general decoder', () => {
  const bytes = encode([new Uint8Array(3)]);
  assert.equal(decodePlain(bytes, { withBytes: false }), undefined);
  const [restored] = restore(bytes) as [Uint8Array];
  assert.equal(Object.getPrototypeOf(restored), Uint8Array.prototype);
  assert.equal(restored.buffer.byteLength, 3);
});

test('what was decoded does not change with the bytes', () => {
  const bytes = Buffer.from(encode({ long: new Uint8Array(100).fill(7), short: new Uint8Array(3).fill(7) }));
  const decoded = decodePlain(bytes) as Record<string, Uint8Array>;
  bytes.fill(0);
  for (const value of Object.values(decoded)) assert.ok(value.every(byte => byte === 7));
});
