import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileSystemVerdict } from '#dist/lock/file-system.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { callerUnder } from '../helpers/lock-caller.ts';
import { straceMissing } from '../helpers/strace.ts';

test('the file system of the tests is local', t => {
  assert.equal(fileSystemVerdict(freshDirectory(t)), 'local');
});

test("a path that is not there is an error of the shape of Node's", {
  skip: process.platform !== 'linux',
}, () => {
  assert.throws(() => fileSystemVerdict('/nowhere/at/all'), { code: 'ENOENT', syscall: 'statfs' });
});

/** What statfs(2) writes first into the buffer its second argument points to: the magic number, little endian. */
function asMagic(magic: number): string {
  const bytes = Buffer.alloc(8);
  bytes.writeUInt32LE(magic);
  return `statfs:poke_exit=@arg2=${bytes.toString('hex')}`;
}

const skip =
  process.arch === 'x64' || process.arch === 'arm64'
    ? straceMissing
    : 'NOT TESTED: not a little-endian, 64-bit machine';

for (const [name, magic, verdict] of [
  ['NFS', 0x6969, 'network'],
  ['CIFS', 0xff534d42, 'network'],
  ['SMB 2', 0xfe534d42, 'network'],
  ['9p', 0x01021997, 'network'],
  ['FUSE', 0x65735546, 'network'],
  ['Lustre', 0x0bd00bd0, 'network'],
  ['ext4', 0xef53, 'local'],
  ['overlayfs', 0x794c7630, 'local'],
  ['a file system nobody has heard of', 0xfedcba98, 'local'],
] as const) {
  test(`${name} is ${verdict}`, { skip }, async t => {
    const path = freshDirectory(t);
    const { call } = callerUnder(t, asMagic(magic), path);
    assert.equal(await call('fileSystemVerdict', path), verdict);
  });
}

test('Ceph is DEFERRED_UNSUPPORTED', { skip }, async t => {
  const path = freshDirectory(t);
  const { call } = callerUnder(t, asMagic(0x00c36400), path);
  const error = await call<{ code: string; path: string; message: string }>('fileSystemVerdict', path);
  assert.deepEqual([error.code, error.path], ['DEFERRED_UNSUPPORTED', path]);
  assert.match(error.message, /Ceph/);
});
