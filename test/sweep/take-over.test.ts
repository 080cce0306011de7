/** The race between a sweeper's open(2) and its lock: whoever else comes in between has run and removed the file. */
import assert from 'node:assert/strict';
import { copyFileSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { LockPatience, type PatientLockOptions, type UnansweredLock } from '#dist/lock/patience.js';
import { StateDirectory } from '#dist/state/state-directory.js';
import { OrphanTaker, type TakeOver } from '#dist/sweep/take-over.js';
import { type Call, read } from '../helpers/calls.ts';
import { runCommandLine } from '../helpers/command-line.ts';
import { freshPlace, leaveOrphan } from '../helpers/worker.ts';

const a: Call = { do: 'append', text: 'a' };

/** Lets the racer go first, every time a lock is asked for. */
class Overtaken extends LockPatience {
  readonly #racer: () => void;

  constructor(racer: () => void) {
    super(0);
    this.#racer = racer;
  }

  override attempt(fd: number, options: PatientLockOptions): boolean | UnansweredLock {
    this.#racer();
    return super.attempt(fd, options);
  }
}

async function takeOvertaken(base: string, path: string, racer: () => void): Promise<TakeOver> {
  const patience = new Overtaken(racer);
  return new OrphanTaker(new StateDirectory(base), 'flock', patience, new Set(), undefined).take(
    basename(path),
  );
}

test('a file that another sweeper ran and removed between our open and our lock is not run again', async t => {
  const { base, ledger } = freshPlace(t);
  const path = await leaveOrphan(t, { base, ledger, calls: [a] });
  const taken = await takeOvertaken(base, path, () => {
    assert.equal(runCommandLine(['sweep', '--isolation', 'none', base]).status, 0);
  });
  assert.deepEqual(read(ledger), ['a']);
  assert.equal(taken.kind, 'vanished');
});

test('a file in whose place another one was put between our open and our lock is not taken over', async t => {
  const { base, ledger } = freshPlace(t);
  const path = await leaveOrphan(t, { base, ledger, calls: [a] });
  const taken = await takeOvertaken(base, path, () => {
    copyFileSync(path, `${path}-copy`);
    renameSync(`${path}-copy`, path);
  });
  assert.equal(taken.kind, 'vanished');
  assert.ok(readFileSync(path).length > 0);
  rmSync(path);
});
