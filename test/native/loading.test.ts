import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, copyFileSync, openSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { addonPath, type NativeAddon, nativeAddon, nativeMode, nativeScheme } from '#dist/lock/native.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const { exclusive } = nativeMode;
const { flock } = nativeScheme;

test('the addon serves 20 workers at once, the main thread, and who is left when the workers have died', async t => {
  const directory = freshDirectory(t);
  const ends = ['exit', 'throw', 'terminate'];
  const workers = Array.from({ length: 20 }, (_, index) => {
    const path = join(directory, `${index}`);
    writeFileSync(path, '');
    return new Worker(new URL('../fixtures/lock-mortal-worker.js', import.meta.url), {
      workerData: { path, scheme: 'flock', end: ends[index % 3] },
    });
  });
  t.after(() => Promise.all(workers.map(worker => worker.terminate())));
  const answers = await Promise.all(workers.map(worker => once(worker, 'message')));
  assert.deepEqual(answers, Array(20).fill([true]));

  const exits = workers.map(worker => new Promise(resolve => worker.once('exit', resolve)));
  workers.forEach((worker, index) => {
    worker.on('error', error => assert.equal(error.message, 'end of the worker'));
    if (ends[index % 3] === 'terminate') worker.terminate();
    else worker.postMessage('end');
  });
  await Promise.all(exits);
  for (let index = 0; index < 20; index++) {
    const fd = openSync(join(directory, `${index}`), 'r+');
    assert.equal(nativeAddon().setFileLock(fd, exclusive, flock), true);
    closeSync(fd);
  }
});

test('workers terminated in the middle of calls that fail take nobody with them', async t => {
  const path = join(freshDirectory(t), 'file');
  for (let index = 0; index < 10; index++) {
    writeFileSync(path, '');
    const worker = new Worker(new URL('../fixtures/lock-mortal-worker.js', import.meta.url), {
      workerData: { path, scheme: 'flock', end: 'terminate while failing' },
    });
    assert.deepEqual(await once(worker, 'message'), [true]);
    await worker.terminate();
  }
  const fd = openSync(path, 'r+');
  assert.equal(nativeAddon().setFileLock(fd, exclusive, flock), true);
  closeSync(fd);
});

test('two copies of the addon in one process work side by side', t => {
  const directory = freshDirectory(t);
  const copyPath = join(directory, 'copy.node');
  copyFileSync(addonPath(), copyPath);
  const copy = createRequire(import.meta.url)(copyPath) as NativeAddon;
  assert.notEqual(copy.setFileLock, nativeAddon().setFileLock);

  const path = join(directory, 'file');
  writeFileSync(path, '');
  const [one, other] = [openSync(path, 'r+'), openSync(path, 'r+')];
  assert.equal(copy.setFileLock(one, exclusive, flock), true);
  assert.equal(nativeAddon().setFileLock(other, exclusive, flock), false);
  assert.equal(nativeAddon().setFileLock(one, nativeMode.unlock, flock), true);
  assert.equal(copy.setFileLock(other, exclusive, flock), true);
  closeSync(one);
  closeSync(other);
});
