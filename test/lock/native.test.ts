import assert from 'node:assert/strict';
import { cpSync, mkdirSync, realpathSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath, pathToFileURL } from 'node:url';
import type { DeferredSweepError } from 'deferred-sweep/lock';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** This package, installed without any addon. */
async function installWithoutAddon(
  t: TestContext,
): Promise<{ directory: string; lock: typeof import('deferred-sweep/lock') }> {
  const directory = realpathSync(freshDirectory(t));
  for (const part of ['package.json', 'dist/errors.js', 'dist/printable.js', 'dist/lock']) {
    cpSync(join(root, part), join(directory, part), { recursive: true });
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  return { directory, lock: await import(pathToFileURL(join(directory, 'dist/lock/index.js')).href) };
}

test('without an addon the module loads and validates; the first lock throws DEFERRED_ADDON_MISSING', async t => {
  const { directory, lock } = await installWithoutAddon(t);
  assert.throws(() => lock.tryLock(-1), RangeError);
  assert.throws(
    () => lock.tryLock(0),
    (error: DeferredSweepError) => {
      assert(error instanceof lock.DeferredSweepError);
      assert.equal(error.code, 'DEFERRED_ADDON_MISSING');
      const { platform, arch, versions } = process;
      for (const part of [
        `${platform}-${arch}`,
        `Node ${versions.node}`,
        platform === 'linux' ? 'glibc' : '',
      ]) {
        assert(error.message.includes(part), `"${part}" in: ${error.message}`);
      }
      for (const path of ['build/Release', `prebuilds/${platform}-${arch}`]) {
        assert(error.message.includes(join(directory, path)), `"${path}" in: ${error.message}`);
      }
      assert.match(String(error.cause), /No native build was found/);
      return true;
    },
  );
});

test("an addon that does not load is DEFERRED_ADDON_MISSING with the loader's error as its cause", async t => {
  const { directory, lock } = await installWithoutAddon(t);
  mkdirSync(join(directory, 'build/Release'), { recursive: true });
  writeFileSync(join(directory, 'build/Release/deferred_sweep.node'), 'not a shared object');
  assert.throws(
    () => lock.tryLock(0),
    (error: DeferredSweepError) => {
      assert.equal(error.code, 'DEFERRED_ADDON_MISSING');
      assert.equal((error.cause as { code: string }).code, 'ERR_DLOPEN_FAILED');
      return true;
    },
  );
});

test('an addon found in prebuilds/ is loaded', async t => {
  const { directory, lock } = await installWithoutAddon(t);
  const prebuilds = join(directory, 'prebuilds', `${process.platform}-${process.arch}`);
  mkdirSync(prebuilds, { recursive: true });
  cpSync(join(root, 'build/Release/deferred_sweep.node'), join(prebuilds, 'deferred-sweep.node'));
  assert.throws(() => lock.tryLock(0x7fffffff), { code: 'EBADF' });
});
