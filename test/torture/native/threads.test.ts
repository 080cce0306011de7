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

const THREADS = 100;
const ROUNDS = 30;
/** Longer than this is a hang, however loaded the machine. */
const PATIENCE_MS = 600_000;
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
      timeout: PATIENCE_MS,
      killSignal: 'SIGABRT',
    });
    t.after(() => child.kill('SIGKILL'));
    let stderr = '';
    child.stderr!.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    const closed = once(child, 'close');
    const first = await Promise.race([once(child, 'message'), closed]);
    assert.deepEqual(first, ['ended', undefined], `seed ${seed + round - 1}\n${stderr}`);
    if (isLinux) assert.deepEqual(openIn(directory, child.pid!), []);
    assert.deepEqual(heldIn(directory), []);
    child.send('end');
    assert.deepEqual(await closed, [0, null], stderr);
    found -= 1;
  } while (round < ROUNDS && performance.now() < until);
  t.diagnostic(`${round} rounds`);
});
