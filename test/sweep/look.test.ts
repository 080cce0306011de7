/** What a sweeper finds at its lock: a file that went since its open(2), or one that is held by the other scheme. */

import assert from 'node:assert/strict';
import { closeSync, copyFileSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { basename } from 'node:path';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { tryLock } from '#dist/lock/advisory-lock.js';
import { LockPatience, type PatientLockOptions } from '#dist/lock/patience.js';
import { StateDirectory } from '#dist/state/state-directory.js';
import { monotonicMs, StopCondition } from '#dist/stop.js';
import { Looker } from '#dist/sweep/look.js';
import { resolveSweepOptions } from '#dist/sweep/options.js';
import type { Look } from '#dist/sweep/look-outcome.js';
import { ReportBook } from '#dist/sweep/report-book.js';
import { type Call, read } from '../helpers/calls.ts';
import { runCommandLine } from '../helpers/command-line.ts';
import { stateBase } from '../helpers/state-bytes.ts';
import { freshPlace, leaveOrphan } from '../helpers/worker.ts';

const a: Call = { do: 'append', text: 'a' };

/** Lets the racer go first, every time a lock is asked for. */
class Overtaken extends LockPatience {
  readonly #racer: () => void;

  constructor(racer: () => void) {
    super(0);
    this.#racer = racer;
  }

  override attempt(fd: number, options: PatientLockOptions): ReturnType<LockPatience['attempt']> {
    this.#racer();
    return super.attempt(fd, options);
  }
}

async function lookOvertaken(base: string, path: string, racer: () => void): Promise<Look> {
  const context = {
    options: resolveSweepOptions(),
    sweepId: 'a',
    sweptAtMs: monotonicMs(),
    deaths: new Map(),
    stop: StopCondition.in(0, undefined),
    book: new ReportBook(),
    listener: undefined,
  };
  const looker = new Looker(new StateDirectory(base), context, new Overtaken(racer));
  return looker.look(basename(path));
}

test('a file that another sweeper ran and removed between our open and our lock is not run again', async t => {
  const { base, ledger } = freshPlace(t);
  const path = await leaveOrphan(t, { base, ledger, calls: [a] });
  const look = await lookOvertaken(base, path, () => {
    assert.equal(runCommandLine(['sweep', base]).status, 0);
  });
  assert.deepEqual(read(ledger), ['a']);
  assert.equal(look.kind, 'vanished');
});

test('a file in whose place another one was put between our open and our lock is not claimed', async t => {
  const { base, ledger } = freshPlace(t);
  const path = await leaveOrphan(t, { base, ledger, calls: [a] });
  const look = await lookOvertaken(base, path, () => {
    copyFileSync(path, `${path}-copy`);
    renameSync(`${path}-copy`, path);
  });
  assert.equal(look.kind, 'vanished');
  assert.ok(readFileSync(path).length > 0);
  rmSync(path);
});

test('a damaged file without a header is left while its lock of either scheme is held', async t => {
  const { base, put } = stateBase(t);
  const path = put(Buffer.from('no header'));
  for (const scheme of ['flock', 'ofd'] as const) {
    const fd = openSync(path, 'r+');
    assert.ok(tryLock(fd, { scheme }));
    for (const lock of ['flock', 'ofd'] as const) {
      const { files } = await sweep(base, { logger: null, lock });
      assert.deepEqual(
        files.map(({ outcome }) => outcome),
        ['live'],
        `${scheme}, swept by ${lock}`,
      );
    }
    closeSync(fd);
  }
  assert.equal((await sweep(base, { logger: null })).files[0]?.outcome, 'quarantined');
});
