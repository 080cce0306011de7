import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import type { DeferredSweepError } from 'deferred-sweep/lock';
import { buildSync } from 'esbuild';
import { addonPath } from '#dist/lock/native.js';
import { packageRoot } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const target = `${process.platform}-${process.arch}`;

type Lock = typeof import('deferred-sweep/lock');

/** This package, installed without any addon. */
async function installWithoutAddon(t: TestContext): Promise<{ directory: string; lock: Lock }> {
  const directory = realpathSync(freshDirectory(t));
  for (const part of ['package.json', 'dist/refuse-old-node.js', 'dist/chunks/lock.js', 'dist/lock']) {
    cpSync(join(packageRoot, part), join(directory, part), { recursive: true });
  }
  symlinkSync(join(packageRoot, 'node_modules'), join(directory, 'node_modules'));
  return { directory, lock: await import(pathToFileURL(join(directory, 'dist/lock/index.js')).href) };
}

/** What the first lock throws. */
function addonMissing(lock: Lock): DeferredSweepError {
  try {
    lock.tryLock(0x7fffffff);
  } catch (error) {
    assert(error instanceof lock.DeferredSweepError, String(error));
    assert.equal(error.code, 'DEFERRED_ADDON_MISSING');
    return error;
  }
  return assert.fail('an addon was loaded');
}

function assertTells(error: Error, parts: readonly string[]): void {
  for (const part of parts) assert(error.message.includes(part), `"${part}" in: ${error.message}`);
}

test('without an addon the module loads and validates; the first lock throws DEFERRED_ADDON_MISSING', async t => {
  const { directory, lock } = await installWithoutAddon(t);
  assert.throws(() => lock.tryLock(-1), RangeError);
  const error = addonMissing(lock);
  assertTells(error, [
    target,
    `Node ${process.versions.node}`,
    process.platform === 'linux' ? 'glibc' : '',
    `no file ${join(directory, 'build/Release/deferred_sweep.node')}`,
    `no file ${join(directory, 'prebuilds', target, 'deferred_sweep.node')}`,
    `run: node ${join(directory, 'native/build.mjs')}`,
  ]);
  assert.equal(error.cause, undefined);
});

test('on Windows nobody is told to compile the addon', async t => {
  const { directory, lock } = await installWithoutAddon(t);
  const { platform } = process;
  t.after(() => Object.defineProperty(process, 'platform', { value: platform }));
  Object.defineProperty(process, 'platform', { value: 'win32' });
  const error = addonMissing(lock);
  assertTells(error, [`win32-${process.arch}`, 'use Linux, in WSL 2 or a container']);
  assert(!error.message.includes(join(directory, 'native/build.mjs')), error.message);
});

test("an addon that does not load is DEFERRED_ADDON_MISSING with the loader's error as its cause", async t => {
  const { directory, lock } = await installWithoutAddon(t);
  mkdirSync(join(directory, 'build/Release'), { recursive: true });
  writeFileSync(join(directory, 'build/Release/deferred_sweep.node'), 'not a shared object');
  const error = addonMissing(lock);
  assertTells(error, [`${join(directory, 'build/Release/deferred_sweep.node')} does not load (`]);
  assert.equal((error.cause as { code: string }).code, 'ERR_DLOPEN_FAILED');
});

test('where Node may load no addon, nobody is told to compile one', () => {
  const code = "import('deferred-sweep/lock').then(lock => lock.tryLock(0))";
  const { stderr } = spawnSync(process.execPath, ['--no-addons', '-e', code], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  assert.match(
    stderr,
    /cannot load the native addon .*; start Node without --no-addons, or with --allow-addons/,
  );
  assert(!stderr.includes('compile'), stderr);
});

test('the prebuilt addon is loaded, also where the one that was compiled does not load any more', async t => {
  const { directory, lock } = await installWithoutAddon(t);
  const prebuilds = join(directory, 'prebuilds', target);
  mkdirSync(prebuilds, { recursive: true });
  mkdirSync(join(directory, 'build/Release'), { recursive: true });
  cpSync(addonPath(), join(prebuilds, 'deferred_sweep.node'));
  writeFileSync(join(directory, 'build/Release/deferred_sweep.node'), 'not a shared object');
  assert.throws(() => lock.tryLock(0x7fffffff), { code: 'EBADF' });
});

test('no addon is loaded that the environment names, or that is in the build/Release of the program', async t => {
  const { directory, lock } = await installWithoutAddon(t);
  const stranger = join(directory, 'stranger');
  mkdirSync(join(stranger, 'build/Release'), { recursive: true });
  cpSync(addonPath(), join(stranger, 'build/Release/deferred_sweep.node'));
  const before = process.cwd();
  process.env.DEFERRED_SWEEP_PREBUILD = stranger;
  process.chdir(stranger);
  t.after(() => {
    process.chdir(before);
    delete process.env.DEFERRED_SWEEP_PREBUILD;
  });
  assertTells(addonMissing(lock), [`no file ${join(directory, 'prebuilds', target)}`]);
});

test('moved out of its package, as a bundler does, it says how to mark it as external', async t => {
  const { directory } = await installWithoutAddon(t);
  writeFileSync(join(directory, 'package.json'), '{ "name": "a-program", "type": "module" }');
  mkdirSync(join(directory, 'build/Release'), { recursive: true });
  cpSync(addonPath(), join(directory, 'build/Release/deferred_sweep.node'));
  const error = addonMissing(await import(pathToFileURL(join(directory, 'dist/lock/index.js')).href));
  assertTells(error, [
    target,
    'mark deferred-sweep as external',
    'esbuild',
    'vite',
    'webpack',
    'rollup',
    'ncc',
  ]);
  assert(!error.message.includes('build.mjs'), error.message);
});

for (const format of ['esm', 'cjs'] as const) {
  test(`bundled by esbuild as ${format}, the first use says how to mark it as external`, t => {
    const directory = freshDirectory(t);
    const outfile = join(directory, format === 'esm' ? 'bundle.mjs' : 'bundle.cjs');
    const contents = `import { DeferredFunctionManager } from ${JSON.stringify(join(packageRoot, 'dist/index.js'))};
      new DeferredFunctionManager(${JSON.stringify(join(directory, 'state'))}).open()`;
    buildSync({
      stdin: { contents, resolveDir: packageRoot },
      ...{ bundle: true, platform: 'node', format, outfile, logLevel: 'error' },
    });
    const { status, stderr } = spawnSync(process.execPath, [outfile], { encoding: 'utf8' });
    assert.equal(status, 1);
    assert.match(stderr, /Error: cannot load the native addon .* mark deferred-sweep as external: esbuild: /);
  });
}

test('the command of DEFERRED_ADDON_MISSING compiles an addon that is then loaded', {
  skip: spawnSync('c++', ['--version']).status === 0 ? false : 'NOT TESTED: no c++',
}, async t => {
  const { directory, lock } = await installWithoutAddon(t);
  cpSync(join(packageRoot, 'native'), join(directory, 'native'), { recursive: true });
  const include = join(directory, 'native/include');
  for (const headers of ['node-addon-api', 'node-api-headers/include'])
    cpSync(join(packageRoot, 'node_modules', headers), include, { recursive: true, dereference: true });
  const [, command] = addonMissing(lock).message.split(' run: ');
  const { status, stdout, stderr } = spawnSync('sh', ['-c', command as string], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /it loads/);
  assert.throws(() => lock.tryLock(0x7fffffff), { code: 'EBADF' });
});
