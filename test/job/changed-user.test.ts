/** A job is that of the user who opened it: a process that has become another one since cannot add to it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { sample } from '../helpers/size.ts';
import { freshPlace } from '../helpers/worker.ts';

const notRoot = process.getuid?.() === 0 ? false : 'NOT TESTED: only root can become another user';
const library = import.meta.resolve('#dist/index.js');

const CHANGES: Readonly<Record<string, string>> = {
  'user id': 'process.setgid(65534); process.setuid(65534);',
  'effective user id': 'process.seteuid(65534);',
  'group id': 'process.setegid(65534);',
  groups: 'process.setgroups([65534, 12345]);',
};

for (const [label, change] of sample(Object.entries(CHANGES), 1)) {
  test(`a function is refused after the ${label} of its process changed`, { skip: notRoot }, t => {
    const place = freshPlace(t);
    const program = `
      const { DeferredFunctionManager } = await import(${JSON.stringify(library)});
      const job = await new DeferredFunctionManager(${JSON.stringify(place.base)}).open();
      job.defer(() => {});
      ${change}
      try { job.defer(() => {}); console.log('accepted'); } catch ({ code, message }) { console.log(code, message); }
      process.exit();`;
    const argv = ['--input-type=module', '--eval', program];
    const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    assert.equal(stderr, '');
    assert.match(
      stdout,
      /^DEFERRED_FUNCTION_REFUSED cannot defer .*: this process has changed its user since the job/,
    );
  });
}

for (const [label, change] of sample(Object.entries(CHANGES), 1)) {
  test(`no function runs in a process whose ${label} has changed: the next sweep runs it`, {
    skip: notRoot,
  }, async t => {
    const { base, ledger } = freshPlace(t);
    const program = `
      const { DeferredFunction, DeferredFunctionManager } = await import(${JSON.stringify(library)});
      const job = await new DeferredFunctionManager(${JSON.stringify(base)}, { logger: null }).open();
      const command = 'id -u >> ' + ${JSON.stringify(ledger)};
      const registration = job.defer(DeferredFunction.command('/bin/sh', ['-c', command]));
      ${change}
      await registration.run().catch(({ code, message }) => console.log(code, message));
      const { ok, failed, pending, files } = await job.close();
      console.log(ok, failed, pending, files[0].error?.message);`;
    const argv = ['--input-type=module', '--eval', program];
    const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
    assert.equal(stderr, '');
    const [early, end] = stdout.split('\n');
    const refused = /cannot run \/bin\/sh .*: this process has changed its user since the job was opened/;
    assert.match(early!, new RegExp(`^DEFERRED_UNSUPPORTED ${refused.source}`));
    assert.match(end!, new RegExp(`^0 0 1 ${refused.source}`));
    assert.deepEqual(read(ledger), []);

    assert.equal((await sweep(base, { logger: null })).ok, 1);
    assert.deepEqual(read(ledger), ['0']);
  });
}

for (const [label, change] of sample(Object.entries(CHANGES), 1)) {
  for (const when of ['before', 'after']) {
    test(`a job does not get the file of the one ${when} whose end the ${label} changed`, {
      skip: notRoot,
    }, t => {
      const place = freshPlace(t);
      const program = `
        const { DeferredFunctionManager } = await import(${JSON.stringify(library)});
        const manager = new DeferredFunctionManager(${JSON.stringify(place.base)}, { logger: null });
        const first = await manager.open();
        ${when === 'before' ? change : ''}
        await first.close();
        ${when === 'after' ? change : ''}
        const path = await manager.open({ sweep: 'none' }).then(job => job.path, ({ code }) => code);
        console.log(path === first.path ? 'the same file' : 'another file, or none');
        process.exit();`;
      const argv = ['--input-type=module', '--eval', program];
      const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
      assert.equal(stderr, '');
      assert.equal(stdout, 'another file, or none\n');
    });
  }
}

/** Of what is left of a job when a function of it has changed the user. */
const LEFT: Readonly<Record<string, (change: string) => string>> = {
  'given up': change => `
    job.defer(async function failing() { throw new Error('no'); });
    job.defer(function change() { ${change} });`,
  'set aside': change => `
    job.defer(async function failing() { throw new Error('no'); });
    const bytes = fs.readFileSync(job.path);
    bytes[bytes.lastIndexOf('failing')] ^= 1;
    fs.writeFileSync(job.path, bytes);
    ${change}`,
};

for (const [label, change] of Object.entries(CHANGES)) {
  for (const [what, body] of Object.entries(LEFT)) {
    test(`nothing is ${what} in a process whose ${label} has changed`, { skip: notRoot }, async t => {
      const { base, directory } = freshPlace(t);
      const program = `
        const fs = await import('node:fs');
        const { DeferredFunctionManager } = await import(${JSON.stringify(library)});
        const manager = new DeferredFunctionManager(${JSON.stringify(base)}, { logger: null, maxAttempts: 1 });
        const job = await manager.open();
        ${body(change)}
        const { files } = await job.close();
        console.log(files[0].error?.message, files[0].outcome);`;
      const argv = ['--input-type=module', '--eval', program];
      const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
      assert.equal(stderr, '');
      assert.match(stdout, /^cannot .*: this process has changed its user since the job was opened.* ran\n$/);
      assert.ok(!existsSync(join(directory, 'dead')));
      const [file] = (await sweep(base, { logger: null })).files;
      assert.deepEqual(readdirSync(join(directory, 'dead')).length, 1);
      assert.equal(file?.isRetired, true);
    });
  }
}
