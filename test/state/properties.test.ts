import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import { DeferredFunction, DeferredSweepError } from 'deferred-sweep';
import fc from 'fast-check';
import { StateContents } from '#dist/log/contents.js';
import type { DeferRecord, ReportedError, StateRecord } from '#dist/log/records.js';
import { replay } from '#dist/log/replay.js';
import { createStateFileNow, type StateFileSettings } from '#dist/state/create-state-file.js';
import { StateDirectory } from '#dist/state/state-directory.js';
import { encode } from '#dist/value/codec.js';
import { takeCalls } from '../helpers/ran.js';
import { trials } from '../helpers/size.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.js';
import { sweepHere } from '../helpers/sweep-here.js';

const settings: StateFileSettings = { lock: 'flock', durability: 'process', order: 'fifo', label: null };
const frames = framesOf(
  headerOf(),
  deferOf(1, ['a']),
  { kind: 'cancel', id: 1 },
  deferOf(2, ['b']),
  deferOf(3, ['c']),
);
const whole = Buffer.concat(frames);

/** Bytes with pieces of a real file in them, or anything. */
const stateBytes: fc.Arbitrary<Uint8Array> = fc.oneof(
  fc.uint8Array({ maxLength: 200 }),
  fc
    .array(
      fc.oneof(
        { weight: 3, arbitrary: fc.constantFrom<Uint8Array>(...frames) },
        { weight: 1, arbitrary: fc.uint8Array({ maxLength: 30 }) },
        {
          weight: 1,
          arbitrary: fc
            .tuple(fc.nat(whole.length), fc.nat(whole.length))
            .map(([a, b]): Uint8Array => whole.subarray(Math.min(a, b), Math.max(a, b))),
        },
      ),
      { maxLength: 8 },
    )
    .map(pieces => Buffer.concat([frames[0]!, ...pieces])),
);

test('whatever bytes a state file has, a sweep ends, and runs only what was registered, each once', async t => {
  const { base, put } = stateBase(t);
  await fc.assert(
    fc.asyncProperty(stateBytes, async bytes => {
      put(bytes);
      const report = await sweepHere(base);
      const ran = takeCalls().map(args => String(args));
      assert.equal(report.files.length, 1);
      assert.equal(report.files[0]?.isRetired, true);
      assert.equal(new Set(ran).size, ran.length);
      assert.ok(ran.every(name => ['a', 'b', 'c'].includes(name)));
    }),
    { numRuns: trials(400) },
  );
});

const id = fc.integer({ min: 1, max: 5 });
const time = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const timer = fc.integer({ min: 0, max: 2 ** 31 - 1 });
// Without a byte order mark in front, and well-formed: what JSON and UTF-8 keep.
const text = fc.string({ unit: 'grapheme', maxLength: 100 }).filter(value => !value.startsWith('\ufeff'));
const error: fc.Arbitrary<ReportedError> = fc.record(
  { name: text, message: text, code: text, stack: text },
  { requiredKeys: ['name', 'message'], noNullPrototype: true },
);
const record: fc.Arbitrary<StateRecord> = fc.oneof(
  fc.record(
    {
      kind: fc.constant('defer' as const),
      id,
      name: text,
      function: fc.uint8Array(),
      arguments: fc.uint8Array(),
      registeredAtEpochMs: time,
      delivery: fc.constantFrom<DeferRecord['delivery'][]>('at-least-once', 'at-most-once'),
      timeoutMs: timer,
      maxAttempts: id,
      retryDelayMs: timer,
    },
    { noNullPrototype: true },
  ),
  fc.record({ kind: fc.constant('cancel' as const), id }, { noNullPrototype: true }),
  fc.record(
    { kind: fc.constant('start' as const), id, attempt: id, nonce: text, pid: time, atEpochMs: time },
    { noNullPrototype: true },
  ),
  fc.record(
    { kind: fc.constant('done' as const), id, attempt: id, atEpochMs: time, final: fc.boolean(), error },
    { requiredKeys: ['kind', 'id', 'attempt', 'atEpochMs', 'final'], noNullPrototype: true },
  ),
);

test('any records, appended one by one or together, are read back equal', t => {
  const { base } = stateBase(t);
  fc.assert(
    fc.property(fc.array(fc.array(record, { maxLength: 3 }), { maxLength: 6 }), groups => {
      const file = createStateFileNow(new StateDirectory(base), settings);
      const expected = new StateContents();
      for (const group of groups) {
        if (group.length > 0) file.append(group);
        for (const appended of group) expected.apply(appended);
      }
      const contents = replay(readFileSync(file.path));
      assert.deepEqual([...contents.functions], [...expected.functions]);
      for (const [number, { marks }] of contents.functions)
        assert.deepEqual(marks, expected.functions.get(number)?.marks);
      assert.equal(contents.tornBytes + contents.damagedBytes, 0);
      file.remove();
      file.close();
    }),
    { numRuns: trials(200) },
  );
});

test('whatever arguments are accepted, an orphan is called with equal ones', async t => {
  const { base } = stateBase(t);
  const location = { module: new URL('../helpers/ran.js', import.meta.url).href, export: 'note' };
  let accepted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.anything({
          withBigInt: true,
          withDate: true,
          withMap: true,
          withSet: true,
          withNullPrototype: true,
          withTypedArray: true,
          key: text,
          stringUnit: 'binary',
        }),
        { maxLength: 4 },
      ),
      async args => {
        // Node 20's deepStrictEqual takes no invalid date for equal to another; a golden file has one.
        fc.pre(!fc.stringify(args).includes('new Date(NaN)'));
        const deferred = accept(location, args);
        if (!deferred) return;
        accepted++;
        const file = createStateFileNow(new StateDirectory(base), settings);
        file.append([
          deferOf(1, [], {
            function: encode(deferred.descriptor),
            arguments: deferred.encodedArguments,
            name: deferred.name,
          }),
        ]);
        file.close();
        await sweepHere(base);
        assert.deepStrictEqual(takeCalls(), [args]);
      },
    ),
    { numRuns: trials(300) },
  );
  assert.ok(accepted > trials(200), `only ${accepted} were accepted`);
});

/** A value that cannot be stored is refused when it is registered; that is no loss. */
function accept(
  location: Parameters<typeof DeferredFunction.of>[0],
  args: unknown[],
): DeferredFunction | undefined {
  try {
    return DeferredFunction.of(location, ...args);
  } catch (error) {
    if (error instanceof DeferredSweepError && error.code === 'DEFERRED_VALUE_REFUSED') return undefined;
    throw error;
  }
}
