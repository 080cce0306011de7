import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, constants, openSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { DeferredSweepError } from 'deferred-sweep';
import { replay } from '#dist/log/replay.js';
import { createStateFileNow, type StateFileSettings } from '#dist/state/create-state-file.js';
import { StateDirectory } from '#dist/state/state-directory.js';
import { StateFile } from '#dist/state/state-file.js';
import { startChild } from '../helpers/child.js';
import { freshDirectory } from '../helpers/fresh-directory.js';
import { deferOf, framesOf, headerOf, startOf, stateBase } from '../helpers/state-bytes.js';
import { callsLogged, strace, straceMissing } from '../helpers/strace.js';

const settings: StateFileSettings = { lock: 'flock', durability: 'process', order: 'fifo', label: null };
const notRoot = process.getuid?.() === 0 ? false : 'NOT TESTED: only root can mount a full disk';

function isFullDisk(error: unknown): boolean {
  const cause = error instanceof DeferredSweepError ? error.cause : undefined;
  return cause instanceof Error && 'code' in cause && cause.code === 'ENOSPC';
}

test('an append that finds the disk full leaves every earlier record and nothing of its own', {
  skip: notRoot,
}, t => {
  const base = freshDirectory(t);
  assert.equal(spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k,mode=0700', 'tmpfs', base]).status, 0);
  try {
    fillDisk(base);
  } finally {
    // Not at the end of the test: the directory is removed before that.
    spawnSync('umount', ['-l', base]);
  }
});

function fillDisk(base: string): void {
  const file = createStateFileNow(new StateDirectory(base), settings);
  let id = 0;
  let error: unknown;
  while (error === undefined && id < 100) {
    try {
      file.register(deferOf(id + 1, [new Uint8Array(5000)]));
      id++;
    } catch (thrown) {
      error = thrown;
    }
  }
  assert.ok(isFullDisk(error), String(error));
  // 5000 bytes end within a block: the kernel took the part that had room, and said so by its count alone.
  assert.match(String((error as Error).cause), /wrote \d+ of \d+ bytes/);
  assert.ok(id > 5);
  const contents = replay(readFileSync(file.path));
  assert.equal(contents.functions.size, id);
  assert.equal(contents.tornBytes + contents.damagedBytes, 0);

  const mark = startOf(1);
  const isOwed = [...Array(200).keys()].some(() => !file.appendStart(mark));
  assert.equal(isOwed, true, 'marks fill the last block at some time');
  // What found no room is known all the same, and written with the next mark that does.
  const { functions } = file.read();
  assert.equal(file.appendStart({ ...mark, id: 2 }), false);
  assert.equal(file.read().functions.get(2)?.isInProgress, true);
  assert.equal(replay(readFileSync(file.path)).functions.get(2)?.isInProgress, false);
  assert.equal(functions.get(1)?.attempts.length, 1);
  assert.equal(spawnSync('mount', ['-o', 'remount,size=1m', base]).status, 0);
  file.appendDone({ kind: 'done', id: 1, attempt: 1, atEpochMs: 2, final: true });
  assert.equal(replay(readFileSync(file.path)).functions.get(2)?.isInProgress, true);
  file.reset();
  file.append([deferOf(1, ['again'])]);
  assert.deepEqual([...file.read().functions.keys()], [1]);
  file.close();
}

/** The file has these functions and nothing else. */
function assertWhole(path: string, ids: readonly number[]): void {
  const contents = replay(readFileSync(path));
  assert.deepEqual([...contents.functions.keys()], ids);
  assert.equal(contents.tornBytes + contents.damagedBytes, 0);
}

test('a write that the kernel refuses is an error, and the next record follows the last whole one', {
  skip: straceMissing,
}, async t => {
  const { put } = stateBase(t);
  const path = put(Buffer.concat(framesOf(headerOf(), deferOf(1, ['first']))));
  const log = join(freshDirectory(t), 'log');
  const child = startChild(t, '../state/short-writer', {
    args: [path],
    under: strace({ path, inject: 'write:error=ENOSPC:when=1', log }),
  });
  assert.deepEqual(await child.next(), ['DEFERRED_STATE_IO', 'ENOSPC', [1], 'written']);
  await child.closed;
  assert.equal(callsLogged(log).length, 2);
  assertWhole(path, [1, 3]);
});

test('a record that is not on stable storage is not registered, though it could not be cut off at once', {
  skip: straceMissing,
}, async t => {
  const { put } = stateBase(t);
  const path = put(Buffer.concat(framesOf(headerOf(), deferOf(1, ['first']))));
  const log = join(freshDirectory(t), 'log');
  const child = startChild(t, '../state/short-writer', {
    args: [path, 'disk'],
    under: strace({ path, inject: ['fdatasync:error=EIO:when=1', 'ftruncate:error=EIO:when=1'], log }),
  });
  assert.deepEqual(await child.next(), ['DEFERRED_STATE_IO', 'EIO', [1], 'written']);
  await child.closed;
  assertWhole(path, [1, 3]);
});

test('records appended together are one write, all or none', t => {
  const base = freshDirectory(t);
  const file = createStateFileNow(new StateDirectory(base), settings);
  t.after(() => file.close());
  const { size } = statSync(file.path);
  const tooLarge = deferOf(2, [], { arguments: new Uint8Array(16 * 1024 * 1024) });
  assert.throws(() => file.append([deferOf(1, []), tooLarge]), { code: 'DEFERRED_TOO_LARGE' });
  assert.equal(statSync(file.path).size, size);
});

test('a torn tail is cut off before marks are written behind it', t => {
  const { put } = stateBase(t);
  const frames = framesOf(headerOf(), deferOf(1, ['first']), deferOf(2, ['second']));
  const path = put(Buffer.concat(frames).subarray(0, -5));
  const fd = openSync(path, constants.O_RDWR | constants.O_APPEND);
  t.after(() => closeSync(fd));
  const file = new StateFile(path, fd, headerOf(), frames[0]!.length + frames[1]!.length);
  file.cutTail();
  file.append([startOf(1)]);
  const contents = file.read();
  assert.equal(contents.tornBytes + contents.damagedBytes, 0);
  assert.equal(contents.functions.get(1)?.attempts.length, 1);
});

test('a file emptied for the next job has its header and no functions', t => {
  const base = freshDirectory(t);
  const file = createStateFileNow(new StateDirectory(base), settings);
  t.after(() => file.close());
  const before = readFileSync(file.path);
  file.append([deferOf(1, ['first'])]);
  file.reset();
  assert.deepEqual(readFileSync(file.path), before);
  assert.equal(file.read().functions.size, 0);
});
