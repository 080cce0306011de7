import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { replay } from '#dist/log/replay.js';
import { sweep } from '#dist/sweep/sweep.js';
import { encode } from '#dist/value/codec.js';
import { takeCalls } from '../helpers/ran.js';
import {
  deferOf,
  endsOf,
  failingOf,
  frameOf,
  framesOf,
  headerOf,
  stateBase,
  theirSalt,
} from '../helpers/state-bytes.js';
import { sweepHere } from '../helpers/sweep-here.js';

const frames = framesOf(
  headerOf({ label: 'torn' }),
  deferOf(1, ['first']),
  deferOf(2, ['second', new Uint8Array(40)]),
  { kind: 'cancel', id: 1 },
  deferOf(3, ['third']),
);
const whole = Buffer.concat(frames);
const ends = endsOf(frames);
/** What runs when so many frames are whole. */
const expected: readonly string[][] = [
  [],
  [],
  ['first'],
  ['first', 'second'],
  ['second'],
  ['second', 'third'],
];

function wholeFrames(length: number): number {
  return ends.filter(end => end <= length).length;
}

test('a file cut at any byte says exactly what its whole records say, and how many bytes are torn', () => {
  for (let length = 0; length <= whole.length; length++) {
    const contents = replay(whole.subarray(0, length));
    const count = wholeFrames(length);
    const end = ends[count - 1] ?? 0;
    const pending = contents.pending().map(({ record }) => record.id);
    assert.equal(contents.tornBytes, length - end, `tornBytes at ${length}`);
    assert.equal(contents.damagedBytes, 0, `damagedBytes at ${length}`);
    assert.equal(contents.lengthBytes, end, `lengthBytes at ${length}`);
    assert.equal(contents.header !== undefined, count > 0, `header at ${length}`);
    assert.deepEqual(pending, [[], [], [1], [1, 2], [2], [2, 3]][count], `pending at ${length}`);
  }
});

test('a sweep of a file cut at any byte runs exactly the whole registrations and removes the file', async t => {
  const { base, put } = stateBase(t);
  for (let length = 0; length <= whole.length; length++) {
    const path = put(whole.subarray(0, length));
    const report = await sweepHere(base);
    const ran = takeCalls().map(args => args[0]);
    const count = wholeFrames(length);
    const tornBytes = length - (ends[count - 1] ?? 0);
    assert.deepEqual(ran, expected[count], `ran at ${length}`);
    assert.equal(report.files.length, 1);
    assert.equal(report.files[0]?.outcome, tornBytes > 0 ? 'torn' : 'ran', `outcome at ${length}`);
    assert.equal(report.files[0]?.tornBytes ?? 0, tornBytes, `tornBytes at ${length}`);
    assert.equal(existsSync(path), false, `left at ${length}`);
  }
});

test('zeros in place of the end of a file, as a machine crash leaves them, are torn and never damage', () => {
  for (let length = 0; length <= whole.length; length++) {
    // Blocks are far larger than what the code takes for one; a cut near the end is filled up by the next block.
    const bytes = Buffer.concat([whole.subarray(0, length), Buffer.alloc(4096 - (length % 4096))]);
    const contents = replay(bytes);
    const count = wholeFrames(length);
    assert.equal(contents.damagedBytes, 0, `damagedBytes at ${length}`);
    assert.equal(contents.tornBytes, bytes.length - (ends[count - 1] ?? 0), `tornBytes at ${length}`);
    assert.equal(contents.pending().length, expected[count]?.length, `pending at ${length}`);
  }
});

test('a sweep of a zero-filled file runs nothing and removes it', async t => {
  const { base, put } = stateBase(t);
  const path = put(Buffer.alloc(4096));
  const report = await sweepHere(base);
  assert.deepEqual(takeCalls(), []);
  assert.equal(report.files[0]?.outcome, 'torn');
  assert.equal(existsSync(path), false);
});

/** What is registered in it, run or not, is all there is. */
function assertWhole(path: string): void {
  const { tornBytes, damagedBytes, functions } = replay(readFileSync(path));
  assert.deepEqual([tornBytes, damagedBytes], [0, 0]);
  assert.ok([...functions.values()].every(({ attempts }) => attempts.length === 1));
}

test('marks of a sweep are not written behind a torn end', async t => {
  const { base, put } = stateBase(t);
  const torn = frameOf(deferOf(2, ['torn'])).subarray(0, -1);
  const path = put(Buffer.concat([...framesOf(headerOf(), failingOf(1)), torn]));
  assert.deepEqual([(await sweepHere(base)).pending, existsSync(path)], [1, true]);
  assertWhole(path);
});

for (const when of ['at once', 'afterwards'] as const) {
  test(`what a runner tears that a function kills ${when} is cut off before the next mark`, async t => {
    const { base, put } = stateBase(t);
    const path = join(base, 'deferred', 'functorn');
    const tears = deferOf(1, [path, when], {
      function: encode({
        kind: 'module',
        module: new URL('../helpers/ran.js', import.meta.url).href,
        export: 'tear',
      }),
    });
    put(Buffer.concat(framesOf(headerOf(), tears, failingOf(2))), 'functorn');
    const report = await sweep(base, { logger: null });
    assert.equal(report.failed, when === 'at once' ? 2 : 1);
    assertWhole(path);
  });
}

test('a torn record is torn, whatever whole records of another file are in its argument', () => {
  const other = Buffer.concat(framesOf(headerOf({ salt: theirSalt }), deferOf(7, ['other'])));
  const carrier = frameOf(deferOf(1, [new Uint8Array(other)]));
  const [header] = framesOf(headerOf()) as [Buffer];
  for (let length = 1; length < carrier.length; length++) {
    const { tornBytes, damagedBytes } = replay(Buffer.concat([header, carrier.subarray(0, length)]));
    assert.deepEqual([tornBytes, damagedBytes], [length, 0], `cut at ${length}`);
  }
});
