/** Reading on in a state file comes to what reading all of it comes to. */
import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import test from 'node:test';
import fc from 'fast-check';
import type { StateContents } from '#dist/log/contents.js';
import type { StateRecord } from '#dist/log/records.js';
import { replay, replayOn } from '#dist/log/replay.js';
import { createStateFileNow } from '#dist/state/create-state-file.js';
import { StateDirectory } from '#dist/state/state-directory.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { trials } from '../helpers/size.ts';
import { deferOf, framesOf, headerOf, startOf, theirSalt } from '../helpers/state-bytes.js';

const id = fc.integer({ min: 1, max: 4 });
const attempt = fc.integer({ min: 1, max: 3 });
const record: fc.Arbitrary<StateRecord> = fc.oneof(
  fc.tuple(id, fc.string()).map(([of, text]) => deferOf(of, [text])),
  id.map((of): StateRecord => ({ kind: 'cancel', id: of })),
  fc.tuple(id, attempt).map(([of, number]) => startOf(of, number)),
  fc
    .constantFrom('before.0', 'before.1')
    .map((nonce): StateRecord => ({ kind: 'claim', nonce, pid: 1, host: 'node-1', atEpochMs: 1 })),
);
const records = fc.array(record, { maxLength: 8 });

const bytesOf = (all: readonly StateRecord[]): Buffer => Buffer.concat(framesOf(headerOf(), ...all));

/** All that contents tell. */
function told(contents: StateContents): unknown {
  return { ...contents, pending: contents.pending(), records: contents.records() };
}

/** Reads the file as it grows to each of these sizes: on, where that can be, else all of it. */
function readInPieces(bytes: Buffer, sizes: readonly number[]): StateContents {
  let contents = replay(bytes.subarray(0, sizes[0]));
  for (const size of sizes.slice(1)) {
    const now = bytes.subarray(0, size);
    const before = structuredClone(told(contents));
    const isWhole = contents.isWholeOf(headerOf());
    const found = isWhole ? replayOn(contents, now.subarray(contents.lengthBytes)) : undefined;
    if (found) continue;
    assert.deepEqual(structuredClone(told(contents)), before, 'nothing was applied');
    contents = replay(now);
  }
  return contents;
}

const sizesOf = (cuts: readonly number[], length: number): number[] =>
  [...cuts.map(cut => cut % (length + 1)), length].sort((one, other) => one - other);

test('read in pieces, cut anywhere, a file comes to what it does when read as a whole', () => {
  const law = fc.property(records, fc.array(fc.nat(), { maxLength: 5 }), (all, cuts) => {
    const bytes = bytesOf(all);
    assert.deepEqual(told(readInPieces(bytes, sizesOf(cuts, bytes.length))), told(replay(bytes)));
  });
  fc.assert(law, { numRuns: trials(2000) });
});

test('so does one with a torn tail, damage, or records of another file', () => {
  const law = fc.property(
    records,
    fc.array(fc.nat(), { maxLength: 5 }),
    fc.record({
      flipped: fc.array(fc.nat(), { maxLength: 2 }),
      tornBytes: fc.nat(30),
      zeros: fc.nat(40),
      theirs: fc.boolean(),
    }),
    (all, cuts, { flipped, tornBytes, zeros, theirs }) => {
      const good = bytesOf(all);
      const header = framesOf(headerOf())[0]!.length;
      const [, stranger] = framesOf(headerOf({ salt: theirSalt }), deferOf(1, ['theirs']));
      const bytes = Buffer.concat([
        good.subarray(0, Math.max(header, good.length - tornBytes)),
        theirs ? stranger! : Buffer.alloc(0),
        Buffer.alloc(zeros),
      ]);
      for (const at of flipped)
        if (bytes.length > header) bytes[header + (at % (bytes.length - header))]! ^= 1;
      assert.deepEqual(told(readInPieces(bytes, sizesOf(cuts, bytes.length))), told(replay(bytes)));
    },
  );
  fc.assert(law, { numRuns: trials(2000) });
});

test('whole records behind what was read are read on, with nothing read twice', () => {
  const law = fc.property(records, records, (before, after) => {
    const bytes = bytesOf([...before, ...after]);
    const contents = replay(bytesOf(before));
    const found = replayOn(contents, bytes.subarray(contents.lengthBytes));
    assert.deepEqual(found && bytesOf(found), bytesOf(after));
  });
  fc.assert(law, { numRuns: trials(500) });
});

test('a state file is read on where its records are, and not where it was emptied or has other bytes', t => {
  const settings = { lock: 'flock', durability: 'process', order: 'fifo', label: null } as const;
  const file = createStateFileNow(new StateDirectory(freshDirectory(t)), settings);
  t.after(() => file.close());
  const contents = file.read();
  const law = fc.property(records, all => {
    file.append(all);
    assert.deepEqual(bytesOf(file.readOn(contents) ?? assert.fail()), bytesOf(all));
    assert.deepEqual(told(contents), told(file.read()));
  });
  fc.assert(law, { numRuns: trials(100) });
  file.append([deferOf(9, ['last'])]);
  const bytes = readFileSync(file.path);
  bytes[bytes.lastIndexOf('last')]! ^= 1;
  writeFileSync(file.path, bytes);
  const before = structuredClone(told(contents));
  assert.equal(file.readOn(contents), undefined);
  assert.deepEqual(structuredClone(told(contents)), before);
  file.reset();
  assert.equal(file.readOn(contents), undefined, 'it is shorter than what was read');
});
