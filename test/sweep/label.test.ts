/** Which jobs a label means. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { freshPlace, startWorker } from '../helpers/worker.ts';

/** More than is read of a file at first. */
const long = (end: string): string => 'x'.repeat(100 * 1024) + end;

test('a sweep finds the jobs of a label, however long the label and so the header is, and no other', async t => {
  const { base, ledger } = freshPlace(t);
  // A job that opens would sweep what another has left.
  const workers = [];
  for (const label of [long('a'), long('b'), 'c']) {
    const calls = [{ do: 'append', text: label.slice(-1) }] as const;
    workers.push(await startWorker(t, { base, ledger, options: { label }, calls }));
  }
  for (const { child } of workers) await child.kill();
  for (const [label, ran] of [
    [long('b'), ['b']],
    ['c', ['b', 'c']],
    [long('a'), ['b', 'c', 'a']],
  ] as const) {
    const report = await sweep(base, { logger: null, onlyLabel: label });
    assert.deepEqual([report.ok, read(ledger)], [1, ran]);
  }
});

test('a living owner whose header is long is told of with its label', async t => {
  const { base, ledger } = freshPlace(t);
  await startWorker(t, { base, ledger, options: { label: long('a') }, calls: [] });
  const { files } = await sweep(base, { logger: null });
  assert.deepEqual(
    files.map(({ outcome, label }) => [outcome, label]),
    [['live', long('a')]],
  );
});
