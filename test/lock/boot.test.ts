import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { bootId } from '#dist/lock/boot.js';
import { startChild } from '../helpers/child.ts';
import { callerUnder } from '../helpers/lock-caller.ts';
import { straceMissing } from '../helpers/strace.ts';

const kernelFile = '/proc/sys/kernel/random/boot_id';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

test('the boot id is a UUID, the same in every process of this boot', async t => {
  assert.match(bootId()!, uuid);
  assert.equal(bootId(), bootId());
  assert.equal(await startChild(t, 'lock-calls').ask(['bootId']), bootId());
});

test('the boot id on Linux is that of the kernel', { skip: process.platform !== 'linux' }, () => {
  assert.equal(`${bootId()}\n`, readFileSync(kernelFile, 'utf8'));
});

test('the boot id is null where the kernel does not show it', { skip: straceMissing }, async t => {
  for (const code of ['ENOENT', 'EACCES']) {
    const { call } = callerUnder(t, `openat:error=${code}`, kernelFile);
    assert.equal(await call('bootId'), null);
  }
});
