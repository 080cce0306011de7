import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { identifyProcess, killProcess } from '#dist/actions/index.js';
import { isAlive, nameProcess } from '../helpers/process-life.ts';

async function start(t: TestContext, script: string): Promise<ChildProcess> {
  const child = spawn('sh', ['-c', `echo; ${script}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  await once(child.stdout!, 'data');
  return child;
}

test('a process is ended, also one that is stopped or ignores the signal; an ended one is success', async t => {
  for (const script of ['exec sleep 86400', 'kill -STOP $$', "trap '' TERM; while :; do sleep 1; done"]) {
    const child = await start(t, script);
    const ended = once(child, 'exit');
    const identity = identifyProcess(child.pid!);
    await killProcess(identity, { killGraceMs: 100 });
    await ended;
    await killProcess(identity);
    assert.throws(() => identifyProcess(child.pid!), { code: 'DEFERRED_ACTION_FAILED' });
  }
});

test('a process with a pid that was used again is not hit', async t => {
  const child = await start(t, 'exec sleep 86400');
  const name = nameProcess(child.pid!);
  const identity = identifyProcess(child.pid!);
  await killProcess({ ...identity, start: identity.start - 1 });
  await killProcess({ ...identity, bootId: '00000000-0000-4000-8000-000000000000' });
  await assert.rejects(killProcess({ ...identity, pidNamespace: 'pid:[1]' }), {
    code: 'DEFERRED_UNSUPPORTED',
  });
  assert.ok(isAlive(name));
});

test('this process is refused, and so is a grace that no timer can wait', async () => {
  const own = identifyProcess(process.pid);
  await assert.rejects(killProcess(own), { code: 'DEFERRED_ACTION_REFUSED' });
  await assert.rejects(killProcess(own, { killGraceMs: Number.POSITIVE_INFINITY }), RangeError);
});
