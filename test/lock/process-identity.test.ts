import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { isAlive, ownIdentity } from '#dist/lock/process-identity.js';
import { parseProcessStat } from '#dist/lock/process-stat.js';
import { until } from '../helpers/until.ts';

const skip = process.platform === 'linux' ? false : 'zombies are told apart by /proc';

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
