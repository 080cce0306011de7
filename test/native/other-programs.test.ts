import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { startChild } from '../helpers/child.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { peerInThisThread } from '../helpers/lock-peer.ts';

const here = peerInThisThread();
const flockMissing =
  spawnSync('flock', ['--version']).status === 0
    ? false
    : 'NOT TESTED: flock(1) of util-linux is not installed';

async function openFresh(t: TestContext): Promise<{ path: string; fd: number }> {
  const path = join(freshDirectory(t), 'file');
  writeFileSync(path, '');
  const fd = await here.open(path);
  t.after(() => here.close(fd));
  return { path, fd };
}

test('fs-ext in another process is excluded by our flock lock', async t => {
  const { path, fd } = await openFresh(t);
  const other = startChild(t, 'lock-fs-ext', { args: [path] });
  await here.set(fd, 'exclusive', 'flock');
  assert.equal(await other.ask('shnb'), 'EAGAIN');
  await here.set(fd, 'shared', 'flock');
  assert.equal(await other.ask('exnb'), 'EAGAIN');
  assert.equal(await other.ask('shnb'), 'done');
  await here.set(fd, 'unlock', 'flock');
  assert.equal(await other.ask('exnb'), 'done');
});

test('fs-ext in another process excludes our flock lock', async t => {
  const { path, fd } = await openFresh(t);
  const other = startChild(t, 'lock-fs-ext', { args: [path] });
  assert.equal(await other.ask('exnb'), 'done');
  assert.equal(await here.set(fd, 'shared', 'flock'), false);
  assert.equal(await other.ask('shnb'), 'done');
  assert.equal(await here.set(fd, 'exclusive', 'flock'), false);
  assert.equal(await here.set(fd, 'shared', 'flock'), true);
  assert.equal(await other.ask('un'), 'done');
  assert.equal(await here.set(fd, 'exclusive', 'flock'), true);
});

test('flock(1) in another process is excluded by our flock lock', { skip: flockMissing }, async t => {
  const { path, fd } = await openFresh(t);
  const flock = (mode: '-x' | '-s') => spawnSync('flock', ['-n', '-E', '75', mode, path, 'true']).status;
  await here.set(fd, 'exclusive', 'flock');
  assert.equal(flock('-s'), 75);
  await here.set(fd, 'shared', 'flock');
  assert.deepEqual([flock('-x'), flock('-s')], [75, 0]);
  await here.set(fd, 'unlock', 'flock');
  assert.equal(flock('-x'), 0);
});

test('flock(1) in another process excludes our flock lock', { skip: flockMissing }, async t => {
  const { path, fd } = await openFresh(t);
  // Held while the program runs, which runs while its input is open.
  const holder = spawn('flock', ['-x', path, 'sh', '-c', 'echo held; read line'], { stdio: 'pipe' });
  t.after(() => holder.kill('SIGKILL'));
  await once(holder.stdout, 'data');
  assert.equal(await here.set(fd, 'shared', 'flock'), false);
  holder.stdin.end();
  await once(holder, 'exit');
  assert.equal(await here.set(fd, 'exclusive', 'flock'), true);
});
