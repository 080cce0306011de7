/** A hundred threads of a process load the addon, lock and die at any moment: the process lives, and nothing is left of them. */
import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshDirectory } from '../../helpers/fresh-directory.ts';
import { timeFor } from '../budget.ts';
import { tortureSeed } from '../random.ts';
import { addRow } from '../table.ts';
import { heldIn, openIn } from './locks-of.ts';
import { bounded, ended } from './run-program.ts';

const THREADS = 100;
const ROUNDS = 30;
const PROGRAM = fileURLToPath(new URL('./threads-program.js', import.meta.url));

test('100 threads that lock and die leave the process alive, no descriptor open and no file locked', async t => {
  const seed = tortureSeed();
  const until = performance.now() + timeFor('native') * 0.1;
  t.diagnostic(`TORTURE_SEED=${seed}`);
  const isLinux = process.platform === 'linux';
  if (!isLinux) t.diagnostic('NOT TESTED: what is left open, which only Linux tells');
  const root = freshDirectory(t);
  let [round, found] = [0, 0];
  t.after(() =>
    addRow({
      part: 'native',
      what: `dying threads, seed ${seed}`,
      tried: round * THREADS,
      of: ROUNDS * THREADS,
      found,
    }),
  );
  do {
    const directory = join(root, `${round}`);
    mkdirSync(directory);
    round += 1;
    found += 1; // taken back at the end: whatever is thrown until then counts
    const child = fork(PROGRAM, [`${seed + round - 1}`, `${THREADS}`, directory], {
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      ...bounded,
    });
    t.after(() => child.kill('SIGKILL'));
    const closed = ended(child);
    const first = await Promise.race([once(child, 'message'), closed]);
    assert.deepEqual(first, ['ended', undefined], `seed ${seed + round - 1}: ${JSON.stringify(first)}`);
    if (isLinux) assert.deepEqual(openIn(directory, child.pid!), []);
    assert.deepEqual(heldIn(directory), []);
    child.send('end');
    const { code, signal, stderr } = await closed;
    assert.deepEqual([code, signal], [0, null], stderr);
    found -= 1;
  } while (round < ROUNDS && performance.now() < until);
  t.diagnostic(`${round} rounds`);
});
