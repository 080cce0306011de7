/** A program that a test runner loads into a context of its own, whose `Error` and `Array` are not those of Node. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type FileReport, sweep } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { freshPlace, leaveOrphan } from '../helpers/worker.ts';

const LOADER = fileURLToPath(import.meta.resolve('../fixtures/in-another-realm.js'));
const PROGRAM = import.meta.resolve('../fixtures/realm-program.js');

interface Said {
  readonly isOfNode: boolean;
  readonly refused: boolean;
  readonly own: FileReport;
  readonly orphaned: readonly FileReport[];
}

test("a job in a realm of a test runner's own: registered, run, swept and reported as everywhere", async t => {
  const { base, ledger, directory } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'throw', text: 'orphan', message: 'in vain' }] });
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      '--no-warnings',
      '--experimental-vm-modules',
      '--experimental-import-meta-resolve',
      ...[LOADER, PROGRAM, base, ledger],
    ],
    { encoding: 'utf8', timeout: 60_000 },
  );
  assert.equal(status, 0, stderr);
  const { isOfNode, refused, own, orphaned } = JSON.parse(stdout) as Said;
  // Else this shows nothing.
  assert.equal(isOfNode, false);
  assert.equal(refused, true);
  assert.deepEqual(
    own.functions.map(({ outcome, error }) => [outcome, error?.name, error?.message]),
    [
      ['ok', undefined, undefined],
      ['ok', undefined, undefined],
      ['failed', 'TypeError', 'planned'],
    ],
  );
  assert.deepEqual(
    orphaned.flatMap(file => file.functions).map(({ error, attempt }) => [error?.message, attempt]),
    [['in vain', 3]],
  );
  assert.deepEqual(read(ledger), ['orphan', 'by name', '5 2', 'orphan', 'orphan']);
  assert.deepEqual((await sweep(base, { logger: null })).files, []);
  assert.deepEqual(readdirSync(directory), ['dead']);
});
