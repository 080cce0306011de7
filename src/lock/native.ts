import { createRequire } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { types } from 'node:util';
import { DeferredSweepError } from '../errors.ts';

/** What of the addon, `native/binding.cc`, locks. */
export interface NativeLocks {
  /**
   * Locks or unlocks the whole file open on `descriptor`, without waiting: `true` done, `false` contended, else
   * why not. Throws TypeError for anything but these numbers; see `native/file_lock.h` for the rest.
   */
  setFileLock(
    descriptor: number,
    mode: (typeof nativeMode)[keyof typeof nativeMode],
    scheme: (typeof nativeScheme)[keyof typeof nativeScheme],
  ): boolean | NativeFailure;
}

/** What of the addon ends this process when its time is up. */
export interface NativeWatchdog {
  /**
   * Has the kernel kill this process's group `limitMs` + `graceMs` from now, whatever its threads do then; 0 for
   * `limitMs` is never. A call takes the place of the one before. Throws TypeError for anything but whole
   * milliseconds; see `native/watchdog.h` for the rest.
   */
  setWatchdog(limitMs: number, graceMs: number): true | NativeFailure;
}

/** A system call that failed for another reason than contention. */
export interface NativeFailure {
  /** As in errno.h: positive. */
  errno: number;
  syscall: string;
}

/** `LockMode` of `native/file_lock.h`. */
export const nativeMode = { unlock: 0, shared: 1, exclusive: 2 } as const;

/** `LockScheme` of `native/file_lock.h`. */
export const nativeScheme = { flock: 0, ofd: 1 } as const;

let loaded: (NativeLocks & NativeWatchdog) | undefined;

/**
 * The addon, loaded at the first call in this thread: `build/Release` in a checkout, `prebuilds/` in a package
 * (or what the environment variable `DEFERRED_SWEEP_PREBUILD` names, see node-gyp-build).
 *
 * @throws DeferredSweepError `DEFERRED_ADDON_MISSING` when there is none for this platform or it does not load.
 */
export function nativeLocks(): NativeLocks {
  loaded ??= load();
  return loaded;
}

/** As {@link nativeLocks}: one file, loaded once. */
export function nativeWatchdog(): NativeWatchdog {
  loaded ??= load();
  return loaded;
}

/** As {@link nativeLocks}, for the faces of the rest of the addon in `src/native/`, each of which types its part. */
export function nativeAddon<Functions extends object>(): Functions {
  loaded ??= load();
  return loaded as object as Functions;
}

/** This file is `dist/lock/native.js` of the package. */
const packageRoot = fileURLToPath(new URL('../../', import.meta.url));

function load(): NativeLocks & NativeWatchdog {
  const require = createRequire(import.meta.url);
  try {
    const nodeGypBuild = require('node-gyp-build') as (directory: string) => NativeLocks & NativeWatchdog;
    return nodeGypBuild(packageRoot);
  } catch (cause) {
    throw addonMissing(cause);
  }
}

function addonMissing(cause: unknown): DeferredSweepError {
  const { platform, arch } = process;
  const target = `${platform}-${arch}`;
  const tried = [
    process.env.DEFERRED_SWEEP_PREBUILD,
    join(packageRoot, 'build', 'Release'),
    join(packageRoot, 'prebuilds', target),
    join(process.execPath, '..', 'prebuilds', target),
  ].filter(path => path !== undefined);
  return new DeferredSweepError(
    'DEFERRED_ADDON_MISSING',
    `cannot load the native addon for ${target} (${cLibrary()}, Node ${process.versions.node}): ` +
      `${types.isNativeError(cause) ? cause.message.trim() : String(cause)}; tried ${tried.join(', ')}; ` +
      'install the package with its prebuilds for this platform, or run `npm run build:native` in a checkout',
    { cause },
  );
}

/** Only glibc says its version in the report, and the report is slow: for error messages alone. */
function cLibrary(): string {
  if (process.platform !== 'linux') return 'libc of the system';
  const { header } = process.report.getReport() as { header: { glibcVersionRuntime?: string } };
  return header.glibcVersionRuntime === undefined ? 'not glibc' : `glibc ${header.glibcVersionRuntime}`;
}
