import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkBounds } from '#dist/value/bounds.js';
import { encode } from '#dist/value/codec.js';
import { encodeFlat } from '#dist/value/flat.js';
import { trials } from '../helpers/size.ts';

/** Where heads of CBOR grow, and where this encoder copies otherwise. */
const lengths = [0, 1, 22, 23, 24, 25, 63, 64, 65, 255, 256, 257, 5000];
const numbers = [
  0,
  1,
  23,
  24,
  255,
  256,
  65535,
  65536,
  2 ** 31,
  2 ** 32 - 1,
  2 ** 32,
  Date.now(),
  2 ** 53,
  0.1,
  1e300,
];

function assertSame(tree: Record<string, unknown>): void {
  const bytes = encodeFlat(tree);
  assert.ok(bytes !== undefined, `left to the general encoder: ${JSON.stringify(tree).slice(0, 100)}`);
  assert.deepEqual(bytes, Buffer.from(encode(tree)));
  assert.deepEqual(encodeFlat(tree, undefined, 14)?.subarray(14), bytes);
  // What is written is not checked again.
  assert.equal(checkBounds(bytes), false);
}

test('a flat map is encoded byte for byte as the general encoder does it', () => {
  for (const length of lengths) {
    assertSame({ text: 'a'.repeat(length), bytes: new Uint8Array(length).fill(7), after: true });
    // A loop has copied the beginning when it comes to the last letter.
    for (const last of ['ä', '€', '😀'])
      if (length < 5000) assertSame({ text: 'a'.repeat(length) + last, after: false });
  }
  for (const number of numbers) assertSame({ number });
  const scalar = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.string({ unit: 'grapheme', maxLength: 80 }),
    fc.nat(),
    fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.uint8Array({ maxLength: 300 }),
  );
  const trees = fc.dictionary(fc.string({ unit: 'grapheme', maxLength: 30 }), scalar, { maxKeys: 23 });
  fc.assert(
    fc.property(trees, ({ ['__proto__']: _, ...tree }) => assertSame({ ...tree })),
    { numRuns: trials(2000) },
  );
});

test('what is no flat map, or a large one, is left to the general encoder', () => {
  const others = [null, undefined, -1, Number.NaN, 1n, [], {}, '\ud800', `${'a'.repeat(70)}\udfff`];
  const large = ['a'.repeat(16 * 1024), new Uint8Array(16 * 1024)];
  for (const value of [...others, ...large])
    assert.equal(encodeFlat({ before: 1, value, after: 2 }), undefined, String(value).slice(0, 20));
  assert.equal(encodeFlat(JSON.parse('{ "__proto__": 1 }')), undefined);
  const names = Array.from({ length: 24 }, (_, at) => `n${at}`);
  assert.equal(encodeFlat(Object.fromEntries(names.map(name => [name, 1]))), undefined);
});
