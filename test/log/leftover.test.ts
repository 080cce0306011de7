import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import test from 'node:test';
import { encodeFrame } from '#dist/log/frame.js';
import { isCreatorsLeftover } from '#dist/log/replay.js';
import { encode } from '#dist/value/codec.js';
import { deferOf, framesOf, headerOf } from '../helpers/state-bytes.js';

const [header, defer] = framesOf(headerOf({ label: 'x'.repeat(500) }), deferOf(1, [])) as [Buffer, Buffer];

test('a header cut at any byte is what a creator leaves that dies, as is nothing, and a header with more behind it', () => {
  for (let length = 0; length <= header.length; length++) {
    assert.equal(isCreatorsLeftover(header.subarray(0, length)), true, `${length} bytes`);
  }
  assert.equal(isCreatorsLeftover(Buffer.concat([header, defer])), true);
});

test('zeros are what a machine crash leaves', () => {
  for (const length of [1, 13, 4096]) assert.equal(isCreatorsLeftover(Buffer.alloc(length)), true);
});

test('a header of another version is one', () => {
  const newer = encodeFrame(encode({ ...headerOf(), version: 2 }));
  assert.equal(isCreatorsLeftover(newer), true);
});

test("anything else is not a creator's: texts, archives, records without a header, a header whose bytes changed", () => {
  const changed = Buffer.from(header);
  changed[40]! ^= 1;
  const others = [
    Buffer.from('notes of mine\n'),
    Buffer.from([0x1f, 0x8b, 8, 0]),
    defer,
    Buffer.concat([defer, header]),
    Buffer.concat([Buffer.from([0]), header]),
    changed,
    Buffer.concat([Buffer.alloc(8), Buffer.from('x')]),
    randomBytes(4096),
  ];
  for (const bytes of others) assert.equal(isCreatorsLeftover(bytes), false, bytes.toString('latin1', 0, 20));
});
