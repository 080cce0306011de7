import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  identifyProcess,
  killProcess,
  removePath,
  requestUrl,
  runCommand,
  temporaryDirectory,
} from '#dist/actions/index.js';
import { DeferredFunctionManager } from '#dist/index.js';
import { freshPlace } from '../helpers/worker.ts';

test('a misspelt option of an action is a TypeError that names it, and nothing is done', async t => {
  const { base, root } = freshPlace(t);
  const wrong = <Options>(name: string): Options => ({ [name]: 'x' }) as Options;
  const job = await new DeferredFunctionManager(base).open();
  t.after(() => job.close());
  for (const [name, meant, call] of [
    ['idenity', 'identity', async () => removePath(root, wrong('idenity'))],
    ['singal', 'signal', async () => killProcess(identifyProcess(process.pid), wrong('singal'))],
    ['methd', 'method', async () => requestUrl('http://127.0.0.1:1/', wrong('methd'))],
    ['parnt', 'parent', async () => temporaryDirectory(job, wrong('parnt'))],
    ['evn', 'env', async () => runCommand('touch', [join(root, 'done')], wrong('evn'))],
  ] as const)
    await assert.rejects(call, {
      name: 'TypeError',
      message: `option "${name}" is unknown; did you mean "${meant}"?`,
    });
});
