import assert from 'node:assert/strict';
import { closeSync, openSync, renameSync, rmSync, symlinkSync, unlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tryLock } from '#dist/lock/advisory-lock.js';
import { assertLocksExclude } from '#dist/lock/self-test.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { callerUnder } from '../helpers/lock-caller.ts';
import { straceMissing } from '../helpers/strace.ts';

interface Thrown {
  code: string;
  path: string;
  message: string;
}

for (const scheme of ['flock', 'ofd'] as const) {
  const syscall = scheme === 'flock' ? 'flock' : 'fcntl';

  function lockFresh(t: TestContext): { path: string; fd: number } {
    const path = join(freshDirectory(t), 'file');
    writeFileSync(path, '');
    const fd = openSync(path, 'r+');
    t.after(() => closeSync(fd));
    assert.equal(tryLock(fd, { scheme }), true);
    return { path, fd };
  }

  test(`${scheme} locks of this file system are seen to exclude, and the test leaves the lock in place`, t => {
    const { path, fd } = lockFresh(t);
    assert.equal(assertLocksExclude(fd, path, scheme), true);
    const other = openSync(path, 'r+');
    assert.equal(tryLock(other, { scheme }), false);
    closeSync(other);
  });

  test(`${syscall} calls that do nothing are DEFERRED_LOCK_INEFFECTIVE`, { skip: straceMissing }, async t => {
    const { path, call } = callerUnder(t, `${syscall}:retval=0`);
    const fd = await call<number>('openSync', path, 'r+');
    assert.equal(await call('tryLock', fd, { scheme }), true);
    const { code, message, path: named } = await call<Thrown>('assertLocksExclude', fd, path, scheme);
    assert.deepEqual([code, named], ['DEFERRED_LOCK_INEFFECTIVE', path]);
    assert.match(
      message,
      new RegExp(`^cannot rely on ${scheme} locks for ${path}: .*local file system.*[^.]$`),
    );
  });

  for (const code of ['EIO', 'ENOLCK', 'ESTALE']) {
    test(`${code} of the second ${syscall} is no verdict`, { skip: straceMissing }, async t => {
      const { path, call } = callerUnder(t, `${syscall}:error=${code}:when=2`);
      const fd = await call<number>('openSync', path, 'r+');
      assert.equal(await call('tryLock', fd, { scheme }), true);
      assert.equal(await call('assertLocksExclude', fd, path, scheme), false);
      assert.equal(await call('assertLocksExclude', fd, path, scheme), true);
    });
  }

  test(`an error of the second ${syscall} that says more is thrown`, { skip: straceMissing }, async t => {
    const { path, call } = callerUnder(t, `${syscall}:error=EINVAL:when=2`);
    const fd = await call<number>('openSync', path, 'r+');
    await call('tryLock', fd, { scheme });
    assert.equal((await call<Thrown>('assertLocksExclude', fd, path, scheme)).code, 'DEFERRED_UNSUPPORTED');
  });

  test(`a path that vanished, with ${scheme} held, is no verdict`, t => {
    const { path, fd } = lockFresh(t);
    unlinkSync(path);
    assert.equal(assertLocksExclude(fd, path, scheme), false);
    rmSync(dirname(path), { recursive: true });
    assert.equal(assertLocksExclude(fd, path, scheme), false);
  });

  test(`a path that became a symbolic link or directory, with ${scheme} held, is no verdict`, t => {
    const { path, fd } = lockFresh(t);
    renameSync(path, `${path}.moved`);
    symlinkSync(`${path}.moved`, path);
    assert.equal(assertLocksExclude(fd, path, scheme), false);
    unlinkSync(path);
    symlinkSync(dirname(path), path);
    assert.equal(assertLocksExclude(fd, path, scheme), false);
    assert.equal(assertLocksExclude(fd, dirname(path), scheme), false);
  });

  test(`a new file at the path, with ${scheme} held on the old one, is no verdict and is not locked`, t => {
    const { path, fd } = lockFresh(t);
    writeFileSync(`${path}.new`, '');
    renameSync(`${path}.new`, path);
    assert.equal(assertLocksExclude(fd, path, scheme), false);
    const newcomer = openSync(path, 'r+');
    assert.equal(tryLock(newcomer, { scheme }), true);
    closeSync(newcomer);
  });
}

test('a new file at the path is never even asked for its lock', { skip: straceMissing }, async t => {
  const { path, call } = callerUnder(t, 'flock:error=EBADF'); // shows any flock(2) on the new file
  const old = await call<number>('openSync', path, 'r+');
  renameSync(path, `${path}.old`);
  writeFileSync(path, '');
  assert.equal(await call('assertLocksExclude', old, path, 'flock'), false);
});

test('the second descriptor is closed, whatever the verdict', t => {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, '');
  const fd = openSync(path, 'r+');
  const next = openSync('/dev/null', 'r');
  closeSync(next);
  assert.throws(() => assertLocksExclude(fd, path, 'flock'), { code: 'DEFERRED_LOCK_INEFFECTIVE' }); // nobody locked it
  tryLock(fd);
  assertLocksExclude(fd, path, 'flock');
  renameSync(path, `${path}.old`);
  writeFileSync(path, '');
  assertLocksExclude(fd, path, 'flock');
  const after = openSync('/dev/null', 'r');
  assert.equal(after, next);
  closeSync(after);
  closeSync(fd);
});
