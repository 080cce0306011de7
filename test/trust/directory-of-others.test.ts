/** State files name code to run: who else could have written one is refused, said so, and stops nothing else. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager, sweep } from '#dist/index.js';
import { type Call, read } from '../helpers/calls.ts';
import { startChild } from '../helpers/child.ts';
import { sample } from '../helpers/size.ts';
import { cli, freshPlace, leaveOrphan, startWorker, sweepElsewhere } from '../helpers/worker.ts';

const good: Call = { do: 'append', text: 'good' };
const bad: Call = { do: 'append', text: 'bad' };
const notRoot = process.getuid?.() === 0 ? false : 'NOT TESTED: only root can give files away';

/** `source` is a state file, outside of the directory, that would run if it were believed. */
const intruders: [title: string, put: (path: string, source: string) => void, skip: string | false][] = [
  ['a symbolic link to a state file', (path, source) => symlinkSync(source, path), false],
  ['a hard link to a state file', (path, source) => linkSync(source, path), false],
  ['a FIFO', path => void spawnSync('mkfifo', ['-m', '600', path]), false],
  ['a directory', path => mkdirSync(path), false],
  [
    "another user's state file",
    (path, source) => {
      copyFileSync(source, path);
      chownSync(path, 65534, 65534);
    },
    notRoot,
  ],
  [
    'a state file that others can write to',
    (path, source) => {
      copyFileSync(source, path);
      chmodSync(path, 0o666);
    },
    false,
  ],
];

for (const [title, put, skip] of sample(intruders, 3)) {
  test(`${title} in the directory is refused and reported, and the orphans around it are run`, {
    skip,
  }, async t => {
    const { base, ledger, directory, root } = freshPlace(t);
    const otherBase = join(root, 'other');
    const source = await leaveOrphan(t, { base: otherBase, ledger, calls: [bad] });
    await leaveOrphan(t, { base, ledger, calls: [good] });
    const [before, behind] = [join(directory, 'func0'), join(directory, 'funczzz')];
    put(before, source);
    if (!title.startsWith('a hard')) put(behind, source);
    const warnings: string[] = [];
    const report = await sweep(base, { logger: { info() {}, warn: text => void warnings.push(text) } });
    assert.deepEqual(read(ledger), ['good']);
    const refused = report.files.filter(file => file.outcome === 'refused');
    assert.deepEqual(new Set(refused.map(file => file.error?.code)), new Set(['DEFERRED_UNSAFE_FILE']));
    assert.ok(refused.some(file => file.path === before));
    assert.ok(warnings.some(text => text.includes(before)));
    assert.ok(lstatSync(before));
    assert.equal((await cli(base)).status, 1);
    assert.deepEqual(read(ledger), ['good']);
  });
}

test('in a directory that others can write to nothing is run, opened or cleaned up', async t => {
  const { base, ledger, directory } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [good] });
  chmodSync(directory, 0o777);
  const unsafe = { code: 'DEFERRED_UNSAFE_DIRECTORY' };
  await assert.rejects(sweep(base), unsafe);
  await assert.rejects(new DeferredFunctionManager(base).open(), unsafe);
  await assert.rejects(DeferredFunctionManager.cleanupWorker(base), unsafe);
  const { status, stderr } = await cli(base);
  assert.equal(status, 3);
  assert.ok(stderr.includes(directory));
  assert.deepEqual(read(ledger), []);
  chmodSync(directory, 0o700);
  assert.equal((await sweepElsewhere(t, { verb: 'open', base })).ok, 1);
});

test('no job is opened in a directory that others can write to and that came while its file was made', async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  const hook = join(root, 'hook.cjs');
  writeFileSync(
    hook,
    `const fs = require('node:fs');
    const { openSync } = fs;
    const directory = ${JSON.stringify(directory)};
    fs.openSync = (path, ...args) => {
      if (String(path).startsWith(directory + '/')) {
        fs.openSync = openSync;
        require('node:module').syncBuiltinESMExports();
        fs.renameSync(directory, directory + '-before');
        fs.mkdirSync(directory);
        fs.chmodSync(directory, 0o777);
      }
      return openSync(path, ...args);
    };
    require('node:module').syncBuiltinESMExports();`,
  );
  const args = [JSON.stringify({ base, ledger, calls: [good] })];
  const child = startChild(t, 'job-worker', { args, execArgv: ['--require', hook] });
  await assert.rejects(child.next(), /DEFERRED_UNSAFE_DIRECTORY/);
  assert.deepEqual(readdirSync(directory), []);
});

test("nothing is run in another user's directory, or behind a symbolic link", { skip: notRoot }, async t => {
  const { base, ledger, directory, root } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [good] });
  const linked = join(root, 'linked');
  mkdirSync(linked);
  symlinkSync(directory, join(linked, 'deferred'));
  await assert.rejects(sweep(linked), { code: 'DEFERRED_UNSAFE_DIRECTORY' });
  chownSync(directory, 65534, 65534);
  await assert.rejects(sweep(base), { code: 'DEFERRED_UNSAFE_DIRECTORY' });
  assert.deepEqual(read(ledger), []);
});

test('the directory and the files in it are made for their user alone, whatever the umask', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const mode = process.platform === 'linux' ? 0o1600 : 0o600;
  for (const umask of ['000', '777']) {
    const under = ['sh', '-c', `umask ${umask}; exec "$0" "$@"`] as const;
    const { path } = await startWorker(t, { base, ledger }, { under });
    assert.equal(lstatSync(directory).mode & 0o777, 0o700);
    assert.equal(lstatSync(path).mode & 0o7777, mode);
  }
});

test('a directory that becomes unsafe during a job does not change what the job returns', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const warnings: string[] = [];
  const manager = new DeferredFunctionManager(base, {
    logger: { info() {}, warn: text => void warnings.push(text) },
  });
  const result = await manager.run(defer => {
    defer(async (to: string) => (await import('node:fs')).appendFileSync(to, 'own\n'), ledger);
    chmodSync(directory, 0o777);
    return 42;
  });
  assert.equal(result, 42);
  assert.deepEqual(read(ledger), ['own']);
  assert.ok(warnings.some(text => text.includes(directory)));
  chmodSync(directory, 0o700);
  await manager.close();
});
