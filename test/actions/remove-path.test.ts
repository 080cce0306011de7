import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { identifyPath, removePath, temporaryDirectory } from '#dist/actions/index.js';
import { DeferredFunctionManager } from '#dist/index.js';
import { baseOfKilledWorker } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { noMounts, withoutProc } from '../helpers/mount-namespace.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { sweepFreed } from '../helpers/worker.ts';

/** `<directory>/tree` with a file below it. */
function tree(t: TestContext): { directory: string; path: string } {
  const directory = freshDirectory(t);
  const path = join(directory, 'tree');
  mkdirSync(join(path, 'below'), { recursive: true });
  writeFileSync(join(path, 'below', 'file'), '');
  return { directory, path };
}

const refused = { code: 'DEFERRED_ACTION_REFUSED' };

test('a tree is removed, and one that is gone is removed, too', async t => {
  const { directory, path } = tree(t);
  await removePath(`${path}/`, { root: directory });
  assert.deepEqual(readdirSync(directory), []);
  await removePath(path, { root: directory });
  await removePath(join(path, 'below', 'file'));
});

test('a tree with directories that nobody may write to, read or enter is removed', {
  skip: notForOthers,
}, async t => {
  const parent = freshDirectory(t);
  const uid = 65_534;
  chownSync(parent, uid, uid);
  const tree = join(parent, 'tree');
  const program = `
    import { chmodSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
    import { removePath } from ${JSON.stringify(import.meta.resolve('#dist/actions/index.js'))};
    const tree = ${JSON.stringify(tree)};
    mkdirSync(tree + '/a/b', { recursive: true });
    mkdirSync(tree + '/../beside', { mode: 0o500 });
    writeFileSync(tree + '/a/b/file', '');
    symlinkSync('../../beside', tree + '/a/link');
    for (const [path, mode] of [['/a/b', 0], ['/a', 0o500], ['', 0o500]]) chmodSync(tree + path, mode);
    await removePath(tree);`;
  const { stderr } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    uid,
    gid: uid,
    cwd: '/',
    encoding: 'utf8',
  });
  assert.equal(existsSync(tree), false, stderr);
  assert.equal(statSync(join(parent, 'beside')).mode & 0o777, 0o500);
});

test('what nobody can mean is refused', async t => {
  const { directory, path } = tree(t);
  const link = join(directory, 'link');
  symlinkSync('/', link);
  const paths = [
    '/',
    '//',
    '/.',
    homedir(),
    dirname(homedir()),
    '/proc',
    join(link, 'proc'),
    'tree',
    '',
    `${path}/../tree`,
    `${directory}/x\0`,
  ];
  for (const each of paths) await assert.rejects(removePath(each), refused, JSON.stringify(each));
  await assert.rejects(removePath(directory, { root: directory }), refused);
  await assert.rejects(removePath(path, { root: join(directory, 'tr') }), refused);
  assert.ok(existsSync(join(path, 'below', 'file')));
});

test('a symbolic link is removed, and not what it leads to; one on the way out of the root is refused', async t => {
  const { directory, path } = tree(t);
  const { directory: outside, path: victim } = tree(t);
  symlinkSync(outside, join(directory, 'link'));
  await assert.rejects(removePath(join(directory, 'link', 'tree'), { root: directory }), refused);
  symlinkSync(victim, join(path, 'link'));
  await removePath(path);
  await removePath(join(directory, 'link'), { root: directory });
  assert.ok(existsSync(join(victim, 'below', 'file')));
  assert.deepEqual(readdirSync(directory), []);
});

test('another thing under the same name is left', async t => {
  const { directory, path } = tree(t);
  const identity = identifyPath(path);
  renameSync(path, join(directory, 'elsewhere'));
  mkdirSync(path);
  await removePath(path, { identity });
  assert.deepEqual(readdirSync(directory).sort(), ['elsewhere', 'tree']);
  await removePath(join(directory, 'elsewhere'), { identity });
  assert.deepEqual(readdirSync(directory), ['tree']);
});

const mayMount = process.platform === 'linux' && process.getuid?.() === 0;

test('a tree in which something is mounted is refused, with blanks in its name, too', {
  skip: mayMount ? false : 'NOT TESTED: mounting needs root on Linux',
}, async t => {
  const { directory, path } = tree(t);
  const point = join(path, 'a mount');
  mkdirSync(point);
  assert.equal(spawnSync('mount', ['--bind', directory, point]).status, 0);
  t.after(() => spawnSync('umount', [point]));
  await assert.rejects(removePath(path), refused);
  await assert.rejects(removePath(point), refused);
  assert.equal(spawnSync('umount', [point]).status, 0);
  await removePath(path);
  assert.deepEqual(readdirSync(directory), []);
});

test('a temporary directory is new each time, private, and gone with its job', async t => {
  const parent = freshDirectory(t);
  const manager = new DeferredFunctionManager(freshDirectory(t), { logger: null });
  const job = await manager.open();
  const made = [1, 2].map(() => temporaryDirectory(job, { parent, prefix: 'scratch-' }));
  assert.equal(readdirSync(parent).length, 2);
  for (const path of made) writeFileSync(join(path, 'file'), '');
  assert.throws(() => temporaryDirectory(job, { prefix: '../x' }), TypeError);
  assert.throws(() => temporaryDirectory(job, { parent: join(parent, 'missing') }), { code: 'ENOENT' });
  const report = await job.close();
  assert.deepEqual([report.ok, report.failed], [2, 0], JSON.stringify(report));
  assert.deepEqual(readdirSync(parent), []);
});

test('every action can be deferred by its export, and a sweep finds it', async t => {
  const { path } = tree(t);
  const base = baseOfKilledWorker(
    t,
    `const { identifyProcess, killProcess, removePath, requestUrl, runCommand } = await import('deferred-sweep/actions');
     job.defer(removePath, ${JSON.stringify(path)}, { root: ${JSON.stringify(dirname(path))} });
     job.defer(runCommand, 'mkdir', [${JSON.stringify(path)}]);
     job.defer(killProcess, identifyProcess(process.pid));
     job.defer(requestUrl, 'http://127.0.0.1:1/', { tries: 1 });`,
  );
  const report = await sweepFreed(base);
  assert.deepEqual([report.ok, report.failed], [3, 1], JSON.stringify(report));
  assert.deepEqual(readdirSync(path), []);
});

test('where no one tells what is mounted, nothing is removed', { skip: noMounts }, t => {
  const { path } = tree(t);
  const [program, ...args] = withoutProc;
  const actions = JSON.stringify(import.meta.resolve('#dist/actions/index.js'));
  const code = `import { removePath } from ${actions}; await removePath(${JSON.stringify(path)})
    .catch(({ code, message }) => console.log(code, message))`;
  const { stdout, stderr } = spawnSync(
    program!,
    [...args, process.execPath, '--input-type=module', '-e', code],
    { encoding: 'utf8' },
  );
  assert.equal(
    stdout,
    `DEFERRED_ACTION_REFUSED will not remove ${path}: /proc/self/mountinfo, which tells what is mounted below it, cannot be ` +
      'read; mount /proc\n',
    stderr,
  );
  assert.ok(existsSync(join(path, 'below', 'file')));
});
