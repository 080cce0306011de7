import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { replay } from '#dist/log/replay.js';
import { takeCalls } from '../helpers/ran.js';
import {
  deferOf,
  endsOf,
  frameOf,
  framesOf,
  headerOf,
  stateBase,
  theirSalt,
} from '../helpers/state-bytes.js';
import { sweepHere } from '../helpers/sweep-here.js';

const framesWith = (padding: string) =>
  framesOf(
    headerOf(),
    deferOf(1, ['first']),
    deferOf(2, [`second${padding}`]),
    deferOf(3, [`third${padding}`]),
  );

/** One bit of a length may add this much. */
const isPowerOfTwo = (length: number): boolean => Number.isInteger(Math.log2(length));

/**
 * How long they are depends on the path of this folder, so they are padded: a flipped bit of a length that leads to the end
 * of a later frame would cost that, too.
 */
const padding = ['', '.', '..', '...'].find(some => {
  const [, , second, third] = framesWith(some);
  const lengths = [second!.length, third!.length, second!.length + third!.length];
  return !lengths.some(isPowerOfTwo);
})!;
const frames = framesWith(padding);
const whole = Buffer.concat(frames);

const intact = replay(whole).functions;

function pendingIds(bytes: Buffer): number[] {
  return replay(bytes)
    .pending()
    .map(({ record }) => record.id);
}

test('whichever single bit is flipped, nothing new becomes pending, and what is lost is reported', () => {
  for (let bit = 0; bit < whole.length * 8; bit++) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const contents = replay(bytes);
    const ids = contents.pending().map(({ record }) => record.id);
    assert.ok(
      contents.tornBytes + contents.damagedBytes >= frames.at(-1)!.length || ids.length >= 2,
      `bit ${bit}`,
    );
    assert.ok(contents.tornBytes + contents.damagedBytes > 0, `bit ${bit} goes unnoticed`);
    assert.ok(
      ids.every(id => id >= 1 && id <= 3),
      `bit ${bit} makes up ${ids.join()}`,
    );
    for (const { record } of contents.pending()) {
      assert.deepEqual(record, intact.get(record.id)?.record, `bit ${bit} changes ${record.id}`);
    }
  }
});

test('a flipped bit costs at most the record it is in, unless it is in the header', () => {
  const ends = endsOf(frames);
  for (let bit = ends[0]! * 8; bit < whole.length * 8; bit++) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const hit = ends.findIndex(end => bit >> 3 < end);
    assert.deepEqual(
      pendingIds(bytes),
      [1, 2, 3].filter(id => id !== hit),
      `bit ${bit}`,
    );
  }
});

test('whichever bit of the header is flipped, the file counts as damaged as a whole and never as torn', () => {
  for (let bit = 0; bit < frames[0]!.length * 8; bit++) {
    const bytes = Buffer.from(whole);
    bytes[bit >> 3]! ^= 1 << (bit & 7);
    const { header, functions, tornBytes, damagedBytes } = replay(bytes);
    assert.deepEqual(
      { header, tornBytes, damagedBytes },
      { header: undefined, tornBytes: 0, damagedBytes: bytes.length },
      `bit ${bit}`,
    );
    assert.equal(functions.size, 0);
  }
});

test('a file whose header is damaged is moved among the dead letters, byte for byte', async t => {
  const { base, put } = stateBase(t);
  for (const at of [0, 10, 40]) {
    const bytes = Buffer.from(whole);
    bytes[at]! ^= 0x40;
    const path = put(bytes, `func${at}`);
    const report = await sweepHere(base);
    assert.deepEqual(takeCalls(), []);
    assert.equal(report.files[0]?.outcome, 'quarantined');
    assert.equal(existsSync(path), false);
    assert.deepEqual(readFileSync(report.files[0]!.deadLetter!), bytes);
  }
});

test('damage in the middle costs that record alone, and a copy of the file as it was is kept', async t => {
  const { base, put } = stateBase(t);
  const bytes = Buffer.from(whole);
  bytes[endsOf(frames)[1]! + 30]! ^= 1;
  const path = put(bytes);
  const report = await sweepHere(base);
  assert.deepEqual(takeCalls(), [['first'], [`third${padding}`]]);
  assert.equal(report.files[0]?.outcome, 'quarantined');
  assert.equal(report.files[0]?.damagedBytes, frames[2]!.length);
  assert.deepEqual(readFileSync(report.files[0]!.deadLetter!), bytes);
  assert.equal(existsSync(path), false);
});

test('two records in another order are the same functions', () => {
  const [header, first, second, third] = frames as [Buffer, Buffer, Buffer, Buffer];
  assert.deepEqual(pendingIds(Buffer.concat([header, second, first, third])).sort(), [1, 2, 3]);
  const swappedWithHeader = replay(Buffer.concat([first, header, second, third]));
  assert.equal(swappedWithHeader.functions.size, 0);
  assert.equal(swappedWithHeader.damagedBytes, whole.length);
});

test('a record repeated is that record once', () => {
  const [header, first, second] = frames as [Buffer, Buffer, Buffer, Buffer];
  assert.deepEqual(pendingIds(Buffer.concat([header, first, second, first, header, second])), [1, 2]);
});

test('a record of another file is damage, whole as it is', () => {
  const stranger = frameOf(deferOf(9, ['stranger']), theirSalt);
  const contents = replay(Buffer.concat([whole, stranger]));
  assert.deepEqual([...contents.functions.keys()], [1, 2, 3]);
  assert.equal(contents.damagedBytes, stranger.length);
});

/** The outer frame, which holds a whole other file, is torn or changed at every byte that matters. */
function* brokenCarriers(carried: Buffer): Generator<Buffer> {
  const [header, carrier, last] = framesOf(
    headerOf(),
    deferOf(1, [new Uint8Array(carried)]),
    deferOf(2, ['last']),
  );
  const head = header!.length;
  for (let length = 0; length <= carrier!.length; length++) {
    yield Buffer.concat([header!, carrier!.subarray(0, length)]);
  }
  for (let at = 0; at < carrier!.length; at++) {
    const bytes = Buffer.concat([header!, carrier!, last!]);
    bytes[head + at]! ^= 0x80;
    yield bytes;
  }
}

test('the frames of another state file in an argument never count, however their outer frame is broken', () => {
  const other = Buffer.concat(
    framesOf(headerOf({ salt: theirSalt }), deferOf(7, ['other']), deferOf(8, ['other'])),
  );
  for (const bytes of brokenCarriers(other)) {
    assert.ok(pendingIds(bytes).every(id => id === 1 || id === 2));
  }
});

test('the frames of the same state file in an argument bring nothing to life, however their outer frame is broken', () => {
  const before = framesOf(headerOf(), deferOf(1, ['done']), deferOf(2, ['pending']), {
    kind: 'cancel',
    id: 1,
  });
  const copy = Buffer.concat(before);
  const carrier = frameOf(deferOf(3, [new Uint8Array(copy)]));
  for (let at = 0; at <= carrier.length; at++) {
    assert.deepEqual(
      pendingIds(Buffer.concat([copy, carrier.subarray(0, at)])),
      at < carrier.length ? [2] : [2, 3],
    );
    if (at === carrier.length) continue;
    const changed = Buffer.from(carrier);
    changed[at]! ^= 0x80;
    assert.deepEqual(pendingIds(Buffer.concat([copy, changed])), [2], `changed at ${at}`);
  }
});

test('a file made of nothing but frame heads is read in linear time', () => {
  const head = Buffer.from('d9d9f7821a000000005a', 'hex');
  const milliseconds = (count: number, length: number): number => {
    const one = Buffer.concat([head, Buffer.alloc(4)]);
    one.writeUInt32BE(length, 10);
    const bytes = Buffer.concat([frames[0]!, Buffer.from([0]), ...Array<Buffer>(count).fill(one)]);
    const start = performance.now();
    const contents = replay(bytes);
    assert.equal(contents.functions.size, 0);
    return performance.now() - start;
  };
  // Every head claims all that follows it, half of it, or next to nothing. Quadratic would be minutes.
  for (const length of [14 * 100_000, 14 * 200_000, 1, 0xffff_ffff]) {
    assert.ok(milliseconds(400_000, length) < 5000, `heads that claim ${length} bytes`);
  }
});
