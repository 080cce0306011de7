import assert from 'node:assert/strict';
import {
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { areSameFile, namesLockedFile } from '#dist/lock/held-file.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { callerUnder } from '../helpers/lock-caller.ts';
import { straceMissing } from '../helpers/strace.ts';

function openFresh(t: TestContext): { directory: string; path: string; fd: number } {
  const directory = join(freshDirectory(t), 'state');
  mkdirSync(directory);
  const path = join(directory, 'file');
  writeFileSync(path, '');
  const fd = openSync(path, 'r+');
  t.after(() => closeSync(fd));
  return { directory, path, fd };
}

test('a path names the file it was opened by, also after a rename, by the new name', t => {
  const { path, fd } = openFresh(t);
  assert.equal(namesLockedFile(fd, path), true);
  renameSync(path, `${path}.renamed`);
  assert.equal(namesLockedFile(fd, path), false);
  assert.equal(namesLockedFile(fd, `${path}.renamed`), true);
});

test('a path that was unlinked is stale', t => {
  const { path, fd } = openFresh(t);
  unlinkSync(path);
  assert.equal(namesLockedFile(fd, path), false);
});

test('a path where a new file took the place is stale', t => {
  const { path, fd } = openFresh(t);
  writeFileSync(`${path}.new`, '');
  renameSync(`${path}.new`, path);
  assert.equal(namesLockedFile(fd, path), false);
});

test('a path that has become a symbolic link is stale, even if the link leads to the file', t => {
  const { path, fd } = openFresh(t);
  linkSync(path, `${path}.moved`);
  unlinkSync(path);
  symlinkSync(`${path}.moved`, path);
  assert.equal(namesLockedFile(fd, path), false);
});

test('a path whose directory is gone, or is a file by now, is stale', t => {
  const { directory, path, fd } = openFresh(t);
  rmSync(directory, { recursive: true });
  assert.equal(namesLockedFile(fd, path), false);
  writeFileSync(directory, '');
  assert.equal(namesLockedFile(fd, path), false);
});

test('a file the server has forgotten (ESTALE) is stale', { skip: straceMissing }, async t => {
  for (const when of [1, 2]) {
    const { path, call } = callerUnder(t, `statx:error=ESTALE:when=${when}`);
    const fd = await call<number>('openSync', path, 'r+');
    assert.equal(await call('namesLockedFile', fd, path), false);
    assert.equal(await call('namesLockedFile', fd, path), true);
  }
});

test('any other failure to look is thrown', { skip: straceMissing }, async t => {
  const { path, call } = callerUnder(t, 'statx:error=EIO');
  const fd = await call<number>('openSync', path, 'r+');
  assert.equal((await call<{ code: string }>('namesLockedFile', fd, path)).code, 'EIO');
});

test('two descriptors are the same file if they are, whatever has become of its name', t => {
  const { path, fd } = openFresh(t);
  const again = openSync(path, 'r');
  unlinkSync(path);
  writeFileSync(path, '');
  const newcomer = openSync(path, 'r');
  assert.equal(areSameFile(fd, again), true);
  assert.equal(areSameFile(fd, newcomer), false);
  closeSync(again);
  closeSync(newcomer);
});
