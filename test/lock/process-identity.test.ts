import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isAlive, ownIdentity, type ProcessIdentity, parseProcessStat } from '#dist/lock/process-identity.js';
import { startChild } from '../helpers/child.ts';
import { callerUnder } from '../helpers/lock-caller.ts';
import { straceMissing } from '../helpers/strace.ts';
import { until } from '../helpers/until.ts';

const skip = process.platform === 'linux' ? false : 'zombies are told apart by /proc';
const kernelFile = '/proc/sys/kernel/random/boot_id';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

test('this process lives; one with its pid and another start does not', () => {
  const own = ownIdentity();
  assert.equal(isAlive(own), true);
  if (own.startTicks !== null) assert.equal(isAlive({ ...own, startTicks: own.startTicks - 1 }), false);
});

test('an owner that has ended and that its parent does not wait for is dead', { skip }, async t => {
  // The parent becomes a program that waits for nobody.
  const parent = spawn('/bin/sh', ['-c', 'exec 3<&0; cat <&3 & echo $!; exec sleep 100']);
  t.after(() => parent.kill('SIGKILL'));
  const [line] = (await once(parent.stdout.setEncoding('utf8'), 'data')) as [string];
  const pid = Number(line);
  await until('sleep', () => readFileSync(`/proc/${parent.pid}/comm`, 'latin1') === 'sleep\n');
  parent.stdin.end();
  const stat = await until('the zombie', () => {
    const read = parseProcessStat(readFileSync(`/proc/${pid}/stat`, 'latin1'));
    return read.state === 'Z' && read;
  });
  for (const startTicks of [stat.startTicks, null])
    assert.equal(isAlive({ ...ownIdentity(), pid, startTicks }), false);
});

test('the boot id is a UUID, the same in every process of this boot', async t => {
  assert.match(ownIdentity().bootId!, uuid);
  const other = await startChild(t, 'lock-calls').ask<ProcessIdentity>(['ownIdentity']);
  assert.equal(other.bootId, ownIdentity().bootId);
});

test('the boot id on Linux is that of the kernel', { skip: process.platform !== 'linux' }, () => {
  assert.equal(`${ownIdentity().bootId}\n`, readFileSync(kernelFile, 'utf8'));
});

test('the boot id is null where the kernel does not show it', { skip: straceMissing }, async t => {
  for (const code of ['ENOENT', 'EACCES']) {
    const { call } = callerUnder(t, `openat:error=${code}`, kernelFile);
    assert.equal((await call<ProcessIdentity>('ownIdentity')).bootId, null);
  }
});
