// Calls all there is in the addon once: exercise.js FILE [ADDON]. With an addon's path, in that one as well.
import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { type NativeAddon, nativeAddon, nativeMode, nativeScheme } from '#dist/lock/native.js';
import { exerciseSystem } from './exercise-system.ts';

const [path, other] = process.argv.slice(2) as [string, string?];
exercise(nativeAddon());
const addonPath = fileURLToPath(new URL('../../../build/Release/deferred_sweep.node', import.meta.url));
await exerciseSystem(nativeAddon(), path, addonPath);
if (other !== undefined) exercise(createRequire(import.meta.url)(other));
process.exit(0);

function exercise({ setFileLock, setWatchdog }: NativeAddon): void {
  const [one, two] = [openSync(path, 'a+'), openSync(path, 'a+')];
  for (const scheme of Object.values(nativeScheme)) {
    assert.equal(setFileLock(one, nativeMode.shared, scheme), true);
    assert.equal(setFileLock(one, nativeMode.exclusive, scheme), true);
    assert.equal(setFileLock(two, nativeMode.shared, scheme), false);
    assert.equal(setFileLock(one, nativeMode.unlock, scheme), true);
    assert.equal(setFileLock(two, nativeMode.exclusive, scheme), true);
  }
  closeSync(one);
  closeSync(two);
  assert.equal(typeof setFileLock(two, nativeMode.exclusive, nativeScheme.flock), 'object');
  for (const wrong of [1e300, -1, Number.NaN, '0', undefined])
    assert.throws(() => setFileLock(wrong as number, nativeMode.shared, nativeScheme.ofd), TypeError);
  assert.equal(setWatchdog(1e9, 1), true);
  assert.equal(setWatchdog(0, 0), true);
}
