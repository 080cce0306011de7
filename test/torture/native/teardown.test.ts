/** Environments of a process load the addon, use it and go, in many orders: the process ends as it should, its locks with it. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { timeFor } from '../budget.ts';
import { addRow } from '../table.ts';
import { heldIn } from './locks-of.ts';
import { runProgram } from './run-program.ts';
import { type Row, rows } from './teardown-steps.ts';

/** Some rows end a thread at a moment that nobody chooses. */
const ROUNDS = 20;
const until = performance.now() + timeFor('native') * 0.15;
const PROGRAM = fileURLToPath(new URL('./teardown-program.js', import.meta.url));
let [tried, found] = [0, 0];

for (const row of rows) {
  test(`${row.steps.join(', ')}: ends by ${row.exit.signal ?? row.exit.code}, and leaves no lock`, async t => {
    await check(row, freshDirectory(t));
  });
}

test('so it is every time', async t => {
  const root = freshDirectory(t);
  let round = 1;
  for (; round < ROUNDS && performance.now() < until; round++) {
    for (const row of rows) {
      const directory = mkdtempSync(join(root, 'row-'));
      await check(row, directory);
      rmSync(directory, { recursive: true });
    }
  }
  t.diagnostic(`${round} rounds`);
});

after(() => addRow({ part: 'native', what: 'orders of teardown', tried, of: ROUNDS * rows.length, found }));

async function check({ steps, exit }: Row, directory: string): Promise<void> {
  tried += 1;
  found += 1; // taken back at the end: whatever is thrown until then counts
  const { code, signal, stderr } = await runProgram(process.execPath, [
    PROGRAM,
    directory,
    JSON.stringify(steps),
  ]);
  assert.deepEqual({ code, signal }, exit, `${steps.join(', ')}\n${stderr}`);
  if (exit.code === 1) assert.match(stderr, /Error: end of main/);
  assert.deepEqual(heldIn(directory), [], steps.join(', '));
  found -= 1;
}
