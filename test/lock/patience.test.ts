import assert from 'node:assert/strict';
import { closeSync, mkdirSync, openSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tryLock } from '#dist/lock/advisory-lock.js';
import { LockPatience } from '#dist/lock/patience.js';
import type { PatienceAnswer, PatienceCommand } from '../fixtures/lock-patience.ts';
import { startChild } from '../helpers/child.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { callsLogged, strace, straceMissing } from '../helpers/strace.ts';

/** New files, and what a LockPatience makes of them where strace tampers with flock(2) on the first. */
function patientChild(t: TestContext, inject: string, count = 1) {
  const directory = freshDirectory(t);
  mkdirSync(join(directory, 'files'));
  const paths = Array.from({ length: count }, (_, index) => join(directory, 'files', `${index}`));
  for (const path of paths) writeFileSync(path, '');
  const log = join(directory, 'trace');
  const [program, ...args] = strace({ path: paths[0]!, log, inject });
  const others = paths.slice(1).flatMap(path => ['-P', path]);
  const child = startChild(t, 'lock-patience', { under: [program, ...args, ...others] });
  const ask = (command: Partial<PatienceCommand>) =>
    child.ask<PatienceAnswer>({ paths, totalMs: 60_000, ...command });
  /** How often flock(2) was called on each of the files. Ends the child. */
  const tries = async () => {
    await child.abandon();
    const calls = callsLogged(log);
    assert(
      calls.every(call => / flock\(/.test(call)),
      calls.join('\n'),
    );
    return calls.length;
  };
  return { paths, ask, tries };
}

test('ENOLCK, EIO and ESTALE that pass are outlasted', { skip: straceMissing }, async t => {
  for (const code of ['ENOLCK', 'EIO', 'ESTALE']) {
    const { ask, tries } = patientChild(t, `flock:error=${code}:when=1..3`);
    assert.deepEqual((await ask({})).outcomes, [true]);
    assert.equal(await tries(), 4);
  }
});

test('contention after a failure that passed is false', { skip: straceMissing }, async t => {
  const { paths, ask, tries } = patientChild(t, 'flock:error=EIO:when=1..2');
  const holder = openSync(paths[0]!, 'r+');
  tryLock(holder);
  assert.deepEqual((await ask({})).outcomes, [false]);
  assert.equal(await tries(), 3);
  closeSync(holder);
});

test('an error that will not pass is thrown at once', { skip: straceMissing }, async t => {
  const { ask, tries } = patientChild(t, 'flock:error=EINVAL');
  assert.equal(((await ask({})).outcomes[0] as { code: string }).code, 'DEFERRED_UNSUPPORTED');
  assert.equal(await tries(), 1);
});

test('when the budget is spent, the file is DEFERRED_LOCK_FAILED with its cause', {
  skip: straceMissing,
}, async t => {
  const { paths, ask } = patientChild(t, 'flock:error=ENOLCK');
  const { outcomes, elapsedMs } = await ask({ totalMs: 100 });
  const [failure] = outcomes as { code: string; message: string; path: string; causeCode: string }[];
  assert.deepEqual(
    [failure!.code, failure!.path, failure!.causeCode],
    ['DEFERRED_LOCK_FAILED', paths[0], 'ENOLCK'],
  );
  assert.match(
    failure!.message,
    new RegExp(`cannot lock ${paths[0]}: .*ENOLCK: no locks available, flock.*100 ms`),
  );
  assert(elapsedMs >= 99, `${elapsedMs} ms`);
});

test('all files share one budget: spent, it leaves one try for each', { skip: straceMissing }, async t => {
  const { ask, tries } = patientChild(t, 'flock:error=EIO', 30);
  const { outcomes, elapsedMs } = await ask({ totalMs: 300 });
  assert.deepEqual(
    new Set(outcomes.map(outcome => (outcome as { code: string }).code)),
    new Set(['DEFERRED_LOCK_FAILED']),
  );
  assert(elapsedMs < 30 * 300, `${elapsedMs} ms`);
  // At the shortest, 5 + 10 + 20 + 40 + 80 ms and a sixth one; fewer where the calls themselves are slow.
  const retries = (await tries()) - 30;
  assert(retries >= 1 && retries <= 6, `${retries} retries`);
});

test('a budget of 0 means one try', { skip: straceMissing }, async t => {
  const { ask, tries } = patientChild(t, 'flock:error=EIO:when=1');
  assert.equal(((await ask({ totalMs: 0 })).outcomes[0] as { code: string }).code, 'DEFERRED_LOCK_FAILED');
  assert.equal(await tries(), 1);
});

test('an abort ends the wait with its own reason', { skip: straceMissing }, async t => {
  const { ask, tries } = patientChild(t, 'flock:error=EIO');
  const { outcomes } = await ask({ totalMs: Number.POSITIVE_INFINITY, abortFor: 'the sweep is over' });
  assert.equal((outcomes[0] as { message: string }).message, 'the sweep is over');
  assert.equal(await tries(), 1);
});

test('a healthy lock is answered by one attempt, and takes nothing from the budget', t => {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, '');
  const [one, other] = [openSync(path, 'r+'), openSync(path, 'r+')];
  const patience = new LockPatience(0);
  assert.equal(patience.attempt(one, { path }), true);
  assert.equal(patience.attempt(other, { path }), false);
  assert.equal(patience.attempt(other, { path, scheme: 'ofd' }), true);
  assert.throws(() => patience.attempt(0x7fffffff, { path }), { code: 'EBADF' });
  closeSync(one);
  closeSync(other);
});
