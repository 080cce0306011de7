/** Whether another process still has the lock of a file: `native/lock_glance.h`. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  mkdirSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  unlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { tryLock, unlock } from '#dist/lock/advisory-lock.js';
import { addonPath, nativeAddon, nativeScheme } from '#dist/lock/native.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';

type Scheme = keyof typeof nativeScheme;

interface Held {
  readonly path: string;
  readonly fd: number;
  readonly isStillLocked: (by?: Scheme) => boolean;
}

/** A file, and what is known of it. */
function freshFile(t: TestContext): Held {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, 'record', { mode: 0o600 });
  setTime(path);
  const fd = openSync(path, 'r+');
  t.after(() => closeSync(fd));
  const known = knownOf(path);
  const isStillLocked = (by: Scheme = 'flock'): boolean =>
    nativeAddon().isStillLocked(path, nativeScheme[by], ...known);
  return { path, fd, isStillLocked };
}

/** Its size, and the time of its last change in nanoseconds. */
function knownOf(path: string): [number, number] {
  const { size, mtimeNs } = statSync(path, { bigint: true });
  return [Number(size), Number(mtimeNs)];
}

function setTime(path: string, seconds = 1): void {
  utimesSync(path, seconds, seconds);
}

function openDescriptors(): number {
  return readdirSync('/dev/fd').length;
}

for (const scheme of ['flock', 'ofd'] as const) {
  test(`a file is still locked while another description has its ${scheme} lock, shared or not`, t => {
    const { fd, isStillLocked } = freshFile(t);
    const before = openDescriptors();
    assert.equal(isStillLocked(scheme), false, 'free');
    for (const shared of [true, false]) {
      assert.ok(tryLock(fd, { scheme, shared }), 'the glance let go');
      assert.equal(isStillLocked(scheme), true);
    }
    unlock(fd, { scheme });
    assert.equal(isStillLocked(scheme), false, 'free again');
    assert.equal(openDescriptors(), before);
  });
}

test('a file that changed is not looked at as the one that is known', t => {
  const changes: Readonly<Record<string, (held: Held) => void>> = {
    'another size': ({ path }) => {
      appendFileSync(path, 'more');
      setTime(path);
    },
    'another time': ({ path }) => setTime(path, 2),
    'readable by a group': ({ path }) => chmodSync(path, 0o640),
    'readable by others': ({ path }) => chmodSync(path, 0o604),
    'writable by others': ({ path }) => chmodSync(path, 0o602),
    // The new name is the one asked for: a FUSE file system may have kept what the old one was.
    'two links': ({ path }) => {
      renameSync(path, `${path}-too`);
      linkSync(`${path}-too`, path);
    },
    gone: ({ path }) => unlinkSync(path),
    'a symbolic link': ({ path }) => {
      renameSync(path, `${path}-there`);
      symlinkSync(`${path}-there`, path);
    },
    'a directory': ({ path }) => {
      rmSync(path);
      mkdirSync(path);
    },
    'a FIFO': ({ path }) => {
      rmSync(path);
      assert.equal(spawnSync('mkfifo', ['-m', '600', path]).status, 0);
    },
    ...(process.geteuid?.() === 0 && { "another user's": ({ path }: Held) => chownSync(path, 1, 1) }),
  };
  for (const [what, change] of Object.entries(changes)) {
    const held = freshFile(t);
    assert.ok(tryLock(held.fd));
    assert.equal(held.isStillLocked(), true);
    const before = openDescriptors();
    change(held);
    assert.equal(held.isStillLocked(), false, what);
    assert.equal(openDescriptors(), before, what);
  }
});

test('only a regular file counts', t => {
  const path = join(freshDirectory(t), 'fifo');
  assert.equal(spawnSync('mkfifo', ['-m', '600', path]).status, 0);
  const fd = openSync(path, 'r+');
  t.after(() => closeSync(fd));
  assert.ok(tryLock(fd));
  assert.equal(nativeAddon().isStillLocked(path, nativeScheme.flock, ...knownOf(path)), false);
});

test('a time is known to the nearest double', t => {
  const { path, fd } = freshFile(t);
  assert.ok(tryLock(fd));
  for (let count = 0; count < 20; count++) {
    writeFileSync(path, 'record');
    const [size, modifiedNs] = knownOf(path);
    for (const [laterNs, is] of [
      [0, true],
      [256, false],
      [-256, false],
    ] as const)
      assert.equal(nativeAddon().isStillLocked(path, nativeScheme.flock, size, modifiedNs + laterNs), is);
  }
});

test('of a time past the year 2261 nothing is known', t => {
  const { path, fd } = freshFile(t);
  assert.ok(tryLock(fd));
  setTime(path, 1e10);
  assert.equal(nativeAddon().isStillLocked(path, nativeScheme.flock, ...knownOf(path)), false);
});

test('the number of a standard stream is given back at once, without a look', t => {
  const { path, fd, isStillLocked } = freshFile(t);
  assert.ok(tryLock(fd));
  assert.equal(isStillLocked(), true);
  const script = `
    const { closeSync, fstatSync } = require('node:fs');
    const addon = require(${JSON.stringify(addonPath())});
    const glance = () => addon.isStillLocked(${JSON.stringify(path)}, 0, ${knownOf(path).join()});
    const answers = [glance()];
    closeSync(0);
    answers.push(glance());
    try { answers.push(fstatSync(0).ino) } catch ({ code }) { answers.push(code) }
    console.log(JSON.stringify(answers));`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  assert.deepEqual(JSON.parse(stdout || 'null'), [true, false, 'EBADF'], stderr);
});

test('a path may have as many bytes as the kernel takes', () => {
  const { isStillLocked } = nativeAddon();
  for (const character of ['n', 'ä', '€', '😀']) {
    const bytes = Buffer.byteLength(character);
    for (let length = 4080; length <= 4110; length++) {
      const path = '/'.repeat(length % bytes) + character.repeat((length - (length % bytes)) / bytes);
      const ask = (): boolean => isStillLocked(path, nativeScheme.flock, 0, 0);
      assert.equal(Buffer.byteLength(path), length);
      if (length <= 4095) assert.equal(ask(), false);
      else assert.throws(ask, TypeError, `${length} bytes`);
    }
  }
});

test('wrong arguments are TypeErrors', () => {
  const ask = nativeAddon().isStillLocked as (...values: unknown[]) => unknown;
  const wrong = [
    ['a\0b', 0, 0, 0],
    [7, 0, 0, 0],
    ['a', 2, 0, 0],
    ['a', -1, 0, 0],
    ['a', 0, '0', 0],
    ['a', 0, 0],
  ];
  for (const values of wrong) assert.throws(() => ask(...values), TypeError);
});
