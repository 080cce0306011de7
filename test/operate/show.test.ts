/** `show`: what a file says, as the reader of state files takes it. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { list, show } from '#dist/index.js';
import { baseOfKilledWorker } from '../helpers/command-line.ts';

test('records of another file behind damage are damage, for show as for list', async t => {
  const [base = '', other = ''] = ['one', 'two'].map(text =>
    baseOfKilledWorker(t, `job.defer(String, '${text}');`),
  );
  const pathIn = (place: string): string =>
    join(place, 'deferred', readdirSync(join(place, 'deferred'))[0] ?? 'none');
  const path = pathIn(base);
  const own = readFileSync(path);
  writeFileSync(
    path,
    Buffer.concat([own, Buffer.alloc(40, 0xff), readFileSync(pathIn(other)), own.subarray(0, 0)]),
  );
  const [shown] = await show(path);
  assert.deepEqual([...new Set(shown?.records.map(({ kind }) => kind))], ['header', 'defer', 'damaged']);
  const damaged = shown?.records.filter(({ kind }) => kind === 'damaged') ?? [];
  assert.equal(
    damaged.reduce((sum, { offset, end }) => sum + end - offset, 0),
    (await list(base)).files[0]?.damagedBytes,
  );
});
