import assert from 'node:assert/strict';
import { mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import test from 'node:test';
import { walk } from '#dist/trust/way.js';
import { freshDirectory } from '../helpers/fresh-directory.js';

const unsafe = { code: 'DEFERRED_UNSAFE_DIRECTORY' };

test('a way has every directory and link that the kernel goes through, and ends where the kernel does', t => {
  const root = realpathSync(freshDirectory(t));
  mkdirSync(join(root, 'a/b/c'), { recursive: true });
  mkdirSync(join(root, 'd'));
  symlinkSync('../a/./b', join(root, 'd/relative'));
  // `..` after a link is that of where the link leads.
  symlinkSync(`${root}/d/relative/../b`, join(root, 'absolute'));
  symlinkSync('/', join(root, 'top'));
  for (const path of ['a/b/c', 'd/relative/c', 'absolute/c', 'absolute', `top${root}/absolute/c`]) {
    const way = walk(join(root, path));
    assert.equal(way.resolved, realpathSync.native(join(root, path)), path);
    assert.equal(way.end?.path, way.resolved);
    for (const step of way.steps) {
      const parent = step.parent;
      if (!parent) assert.equal(step.path, '/');
      else assert.match(relative(parent.path, step.path), /^[^/]+$/);
    }
  }
  const seen = walk(join(root, 'absolute/c')).steps.map(step => relative(root, step.path));
  for (const path of ['absolute', 'd', 'd/relative', 'a', 'a/b', 'a/b/c'])
    assert.ok(seen.includes(path), path);
});

test('missing names are told, and where they would be', t => {
  const root = realpathSync(freshDirectory(t));
  mkdirSync(join(root, 'real'));
  symlinkSync('real', join(root, 'link'));
  const way = walk(join(root, 'link/x/y'));
  assert.deepEqual(
    [way.end, way.lastDirectory.path, way.missing],
    [undefined, join(root, 'real'), ['x', 'y']],
  );
  assert.equal(way.resolved, join(root, 'real/x/y'));
});

test('links in a loop, and a link to what does not exist, are refused', t => {
  const root = freshDirectory(t);
  symlinkSync('two', join(root, 'one'));
  symlinkSync('one', join(root, 'two'));
  symlinkSync('nowhere', join(root, 'dangling'));
  for (const name of ['one', 'dangling', 'dangling/x']) {
    assert.throws(
      () => walk(join(root, name)),
      error => {
        // The system says of a loop that it is one.
        return (
          (error as { code?: string }).code === 'ELOOP' || (error as { code?: string }).code === unsafe.code
        );
      },
    );
  }
  assert.throws(() => walk(join(root, 'dangling')), { message: /nowhere, which does not exist/ });
});

test('a file on the way is told as the system tells it; at the end of it it is what is there', t => {
  const root = freshDirectory(t);
  writeFileSync(join(root, 'file'), '');
  assert.throws(() => walk(join(root, 'file/x')), { code: 'ENOTDIR' });
  assert.equal(walk(join(root, 'file')).end?.stat.isFile(), true);
});

test('links below /proc/PID are refused, but not the one that names our own directory there', {
  skip: process.platform === 'linux' ? false : 'NOT TESTED: no procfs here',
}, () => {
  for (const path of [
    '/proc/self/root',
    '/proc/self/cwd/x',
    '/dev/fd/0/x',
    `/proc/${process.pid}/root/tmp`,
  ]) {
    assert.throws(() => walk(path), { ...unsafe, message: /leads elsewhere than its text says/ }, path);
  }
  assert.equal(walk('/proc/self/task').resolved, `/proc/${process.pid}/task`);
});
