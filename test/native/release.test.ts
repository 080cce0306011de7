import assert from 'node:assert/strict';
import { once } from 'node:events';
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { Worker } from 'node:worker_threads';
import { type Child, startChild } from '../helpers/child.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { makeGate } from '../helpers/gate.ts';
import { obey, peerInThisThread, type Scheme } from '../helpers/lock-peer.ts';

const here = peerInThisThread();

function freshFile(t: TestContext): string {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, '');
  return path;
}

/** Whether somebody who comes new to the file is given the exclusive lock (and gives it back). */
function isFree(path: string, scheme: Scheme): boolean {
  const fd = openSync(path, 'r+');
  try {
    return obey({ op: 'set', fd, mode: 'exclusive', scheme }) === true;
  } finally {
    closeSync(fd);
  }
}

async function lockInChild(child: Child, path: string, scheme: Scheme): Promise<number> {
  const fd = await child.ask<number>({ op: 'open', path });
  assert.equal(await child.ask({ op: 'set', fd, mode: 'exclusive', scheme }), true);
  return fd;
}

for (const scheme of ['flock', 'ofd'] as const) {
  test(`closing an unrelated descriptor of the file keeps the ${scheme} lock`, async t => {
    const path = freshFile(t);
    const [held, unrelated] = [await here.open(path), await here.open(path)];
    await here.set(held, 'exclusive', scheme);
    await here.close(unrelated);
    readFileSync(path); // another open and close
    assert.equal(isFree(path, scheme), false);
    await here.close(held);
  });

  test(`closing the locked descriptor releases the ${scheme} lock`, async t => {
    const path = freshFile(t);
    const held = await here.open(path);
    await here.set(held, 'exclusive', scheme);
    await here.close(held);
    assert.equal(isFree(path, scheme), true);
  });

  test(`the ${scheme} lock of a process goes with its SIGKILL, not before`, async t => {
    const path = freshFile(t);
    const child = startChild(t, 'lock-peer');
    await lockInChild(child, path, scheme);
    assert.equal(isFree(path, scheme), false);
    assert.deepEqual(await child.kill('SIGKILL'), { code: null, signal: 'SIGKILL' });
    assert.equal(isFree(path, scheme), true);
  });

  test(`a stopped process keeps its ${scheme} lock`, async t => {
    const path = freshFile(t);
    const child = startChild(t, 'lock-peer');
    await lockInChild(child, path, scheme);
    child.process.kill('SIGSTOP');
    assert.equal(isFree(path, scheme), false);
  });

  test(`a child that inherited the descriptor keeps the ${scheme} lock after its parent was SIGKILLed`, async t => {
    const path = freshFile(t);
    const fifo = makeGate(freshDirectory(t));
    // For reading and writing, and open throughout: never blocks, and what is written waits for the reader to come.
    const fifoFd = openSync(fifo, 'r+');
    t.after(() => closeSync(fifoFd));
    const parent = startChild(t, 'lock-bequeather', { args: [path, scheme, fifo] });
    const heirSays = createInterface(parent.process.stdout!);
    await once(heirSays, 'line');
    await parent.kill('SIGKILL');
    assert.equal(isFree(path, scheme), false);

    writeSync(fifoFd, 'close it\n');
    assert.deepEqual(await once(heirSays, 'line'), ['closed']);
    assert.equal(isFree(path, scheme), true);
  });

  test(`a spawned child that was not given the descriptor does not keep the ${scheme} lock`, async t => {
    const path = freshFile(t);
    const held = await here.open(path);
    await here.set(held, 'exclusive', scheme);
    const bystander = startChild(t, 'lock-peer');
    await bystander.ask({ op: 'open', path });
    await here.close(held);
    assert.equal(isFree(path, scheme), true);
  });

  test(`the ${scheme} lock a worker thread took goes with the worker, however it ends`, async t => {
    for (const end of ['exit', 'throw', 'terminate'] as const) {
      const path = freshFile(t);
      const worker = new Worker(new URL('../fixtures/lock-mortal-worker.js', import.meta.url), {
        workerData: { path, scheme, end },
      });
      t.after(() => worker.terminate());
      assert.deepEqual(await once(worker, 'message'), [true]);
      assert.equal(isFree(path, scheme), false);
      const ended = new Promise(resolve => worker.once('exit', resolve));
      worker.on('error', error => assert.equal(error.message, 'end of the worker'));
      if (end === 'terminate') worker.terminate();
      else worker.postMessage('end');
      await ended;
      assert.equal(isFree(path, scheme), true, end);
    }
  });
}
