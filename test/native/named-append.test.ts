import assert from 'node:assert/strict';
import {
  closeSync,
  constants,
  openSync,
  readFileSync,
  readSync,
  renameSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { nativeAddon } from '#dist/lock/native.js';
import { succeeded } from '#dist/lock/system-error.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const FLAGS = constants.O_CREAT | constants.O_RDWR | constants.O_APPEND;
const bytes = Buffer.from('record');

function appendNamed(fd: number, path: string, all: Uint8Array): boolean | number {
  return succeeded(nativeAddon().appendNamed(fd, path, all));
}

function open(t: TestContext, path: string): number {
  const fd = openSync(path, FLAGS);
  t.after(() => closeSync(fd));
  return fd;
}

test('bytes go to the end, and the answer is whether the path names the file after that', async t => {
  const root = freshDirectory(t);
  const directory = join(root, 'directory');
  await mkdir(directory);
  const path = join(directory, 'file');
  const fd = open(t, path);
  const append = (): boolean | number => appendNamed(fd, path, bytes);
  assert.equal(append(), true);
  unlinkSync(path);
  assert.equal(append(), false, 'removed');
  writeFileSync(path, '');
  assert.equal(append(), false, 'another file');
  unlinkSync(path);
  const moved = join(root, 'moved');
  symlinkSync(`/proc/self/fd/${fd}`, path);
  assert.equal(append(), false, 'a link to the file');
  unlinkSync(path);
  renameSync(directory, moved);
  assert.equal(append(), false, 'no directory');
  writeFileSync(directory, '');
  assert.equal(append(), false, 'a file where the directory was');
  const found = Buffer.alloc(100);
  assert.equal(found.toString('latin1', 0, readSync(fd, found, 0, found.length, 0)), 'record'.repeat(6));
});

test('a failing write is an error, and a wrong argument is one', t => {
  const path = join(freshDirectory(t), 'file');
  const fd = open(t, path);
  const reading = openSync(path, 'r');
  t.after(() => closeSync(reading));
  assert.throws(() => appendNamed(reading, path, bytes), { code: 'EBADF', syscall: 'write' });
  const unchecked = nativeAddon().appendNamed as (...values: unknown[]) => unknown;
  for (const values of [
    [-1, path, bytes],
    [fd, 'a\0b', bytes],
    [fd, 7, bytes],
    [fd, path, 'text'],
    [fd, path],
  ])
    assert.throws(() => unchecked(...values), TypeError);
  assert.equal(readFileSync(path, 'latin1'), '');
});
