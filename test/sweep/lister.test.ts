import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SweepReport } from '#dist/index.js';
import { commandLinePath } from '../helpers/command-line.ts';
import { callsLogged, strace, straceMissing } from '../helpers/strace.ts';
import { freshPlace, leaveOrphan } from '../helpers/worker.ts';

// Each of sweeper and runner meets the lease at its first two opens; the sweeper at those after, too.
for (const when of ['1..2', '2..40'] as const)
  test(`a file whose opens fail as beside a lister's lease is swept all the same (openat ${when})`, {
    skip: straceMissing,
  }, async t => {
    const { base, ledger, root } = freshPlace(t);
    const path = await leaveOrphan(t, { base, ledger, calls: [{ do: 'append', text: 'a' }] });
    const log = join(root, 'strace.log');
    const follow = when === '1..2';
    const [program, ...options] = strace({ path, inject: `openat:error=EAGAIN:when=${when}`, log });
    // Not the runner's: it leaves a file that it cannot open to another sweep.
    const args = follow ? options : options.filter(option => option !== '-f');
    const { status, stdout, stderr } = spawnSync(
      program,
      [...args, process.execPath, commandLinePath, '--json', base],
      {
        encoding: 'utf8',
      },
    );
    const failed = readFileSync(log, 'utf8')
      .split('\n')
      .filter(line => line.endsWith('(INJECTED)')).length;
    assert.ok(failed >= 2, `${failed} of ${callsLogged(log).length} failed`);
    assert.equal(status, 0, stdout + stderr);
    assert.equal((JSON.parse(stdout) as SweepReport).ok, 1);
  });
