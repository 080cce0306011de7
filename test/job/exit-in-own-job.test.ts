import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { type Call, read } from '../helpers/calls.ts';
import { freshPlace, startWorker } from '../helpers/worker.ts';

const calls: Call[] = [
  { do: 'append', text: 'a' },
  { do: 'exit', text: 'exits', code: 3 },
  { do: 'append', text: 'b' },
];

test('a function that ends the process at the end of its own job costs its owner; the next sweep goes on from there', async t => {
  const { base, ledger } = freshPlace(t);
  const { child, path } = await startWorker(t, { base, ledger, calls });
  child.send({ op: 'close' });
  assert.deepEqual(await child.exited, { code: 3, signal: null });
  assert.deepEqual(read(ledger), ['a', 'exits']);
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.failed, report.pending], [1, 1, 1]);
  // In a child this time, which it ends as well: attempt 2 of 3.
  assert.deepEqual(read(ledger), ['a', 'exits', 'exits', 'b']);
  const last = await sweep(base, { logger: null });
  assert.equal(last.files[0]?.functions[0]?.attempt, 3);
  assert.ok(last.files[0]?.functions[0]?.deadLetter, 'its attempts are used up');
  assert.equal(existsSync(path), false);
});
