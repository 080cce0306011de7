import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import test from 'node:test';
import { replay } from '#dist/log/replay.js';
import { restore } from '#dist/value/decode.js';
import { stateBase } from '../helpers/state-bytes.js';
import { sweepHere } from '../helpers/sweep-here.js';
import { goldenFiles, specialValues } from './golden-files.js';
import { pendingIds, readRecords } from './independent-reader.js';

const directory = new URL('../../test/format/golden/', import.meta.url);
const files = goldenFiles();

function read(name: string): Buffer {
  return readFileSync(new URL(`${name}.state`, directory));
}

test('every golden file has its expectations here, and the other way round', () => {
  assert.deepEqual(
    readdirSync(directory).sort(),
    Object.keys(files)
      .map(name => `${name}.state`)
      .sort(),
  );
});

for (const [name, golden] of Object.entries(files)) {
  test(`this version would write "${name}" byte for byte`, () => {
    assert.deepEqual(golden.bytes, read(name));
  });

  if (golden.isNewer) continue;
  test(`this version reads the file "${name}" of format version 1`, () => {
    const contents = replay(read(name));
    assert.ok(contents.header);
    assert.deepEqual(
      contents.pending().map(({ record }) => record.id),
      golden.pending,
    );
    assert.equal(contents.tornBytes, golden.tornBytes ?? 0);
    assert.equal(contents.damagedBytes, golden.damagedBytes ?? 0);
    for (const [id, count] of Object.entries(golden.attempts ?? {})) {
      assert.equal(contents.functions.get(Number(id))?.attempts.length, count, `attempts of ${id}`);
    }
  });
}

test('a file of a newer major version is left as it is', async t => {
  assert.throws(() => replay(read('newer')), { code: 'DEFERRED_STATE_VERSION' });
  const { base, put } = stateBase(t);
  const path = put(read('newer'));
  const report = await sweepHere(base);
  assert.equal(report.files[0]?.outcome, 'refused');
  assert.equal(report.files[0]?.error?.code, 'DEFERRED_STATE_VERSION');
  assert.deepEqual(readFileSync(path), read('newer'));
});

test('the arguments of the golden file come back equal, with what they share', () => {
  const { record } = replay(read('values')).functions.get(1)!;
  const restored = restore(record.arguments) as unknown[];
  const expected = specialValues();
  // Node 20's deepStrictEqual takes no invalid date for equal to another.
  assert.equal((restored.splice(9, 1, null)[0] as Date).getTime(), Number.NaN);
  expected.splice(9, 1, null);
  assert.deepStrictEqual(restored, expected);
  const map = restored[11] as Map<string, Set<unknown>>;
  assert.ok(map.get('k')?.has(restored[12]));
});

test('a reader made from docs/format.md alone finds the same functions pending', () => {
  for (const [name, golden] of Object.entries(files)) {
    if (golden.tornBytes || golden.damagedBytes || golden.isNewer) continue;
    const bytes = read(name);
    assert.deepEqual(pendingIds(readRecords(bytes)), golden.pending, name);
    const { header, functions } = replay(bytes);
    const [first, ...others] = readRecords(bytes);
    assert.deepEqual({ ...header }, first);
    for (const { kind, salt: _, later: __, ...fields } of others) {
      if (kind !== 'defer') continue;
      const { env, ...rest } = functions.get(Number(fields.id))!.record;
      // It has no prototype, so that no name in it means anything.
      assert.deepEqual({ kind, ...fields }, env === undefined ? rest : { ...rest, env: { ...env } });
    }
  }
});
