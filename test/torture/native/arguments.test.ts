/** Whatever the addon's functions are called with, they refuse it with TypeError or answer as documented. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { timeFor } from '../budget.ts';
import { tortureSeed } from '../random.ts';
import { addRow } from '../table.ts';
import type { Batch } from './argument-fuzz.ts';
import { bounded, ended } from './run-program.ts';

const CALLS = 2_000_000;
/** Calls made by one process: each begins with locks that were just taken. */
const CALLS_EACH = 200_000;
const FUZZ = fileURLToPath(new URL('./argument-fuzz.js', import.meta.url));

test('no arguments crash the addon, change a lock they do not name, or get another answer than is documented', async t => {
  const seed = tortureSeed();
  const until = performance.now() + timeFor('native') * 0.1;
  t.diagnostic(`TORTURE_SEED=${seed}`);
  const root = freshDirectory(t);
  let [called, refused] = [0, 0];
  const found: string[] = [];
  while (called < CALLS && performance.now() < until && found.length === 0) {
    const first = called;
    const directory = join(root, `${first}`);
    mkdirSync(directory);
    const child = fork(FUZZ, [`${seed}`, `${first}`, `${CALLS_EACH}`, directory], {
      stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
      ...bounded,
    });
    child.stdout!.resume();
    child.on('message', (batch: Batch) => {
      called += batch.called;
      refused += batch.refused;
      found.push(...batch.found);
      if (performance.now() >= until || found.length > 0) child.kill('SIGKILL');
    });
    const { code, signal, stderr } = await ended(child);
    // Killed by us it has found something, or the time is up.
    if (code !== 0 && found.length === 0 && performance.now() < until)
      found.push(`seed ${seed}, a call from ${called}: the process ended by ${code ?? signal}\n${stderr}`);
  }
  addRow({
    part: 'native',
    what: `calls with any arguments, seed ${seed}`,
    tried: called,
    of: CALLS,
    found: found.length,
  });
  t.diagnostic(`${called} calls, ${refused} refused`);
  assert.deepEqual(found.slice(0, 20), []);
});
