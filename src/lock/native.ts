import { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonMissing, bundled } from './addon-missing.ts';
import { isInPackage } from './bundled.ts';

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
   * Has this process's group killed `limitMs` + `graceMs` from now, whatever its JavaScript does then; 0 for
   * `limitMs` is never. A call takes the place of the one before. Throws TypeError for anything but whole
   * milliseconds; see `native/watchdog.h` for the rest.
   */
  setWatchdog(limitMs: number, graceMs: number): true | NativeFailure;
}

/** What of the addon asks without a lock. */
export interface NativeLease {
  /** 1 when the file is open for writing anywhere on this machine, 0 when not; see `native/lease.h` for the rest. */
  probeLease(descriptor: number): number | NativeFailure;
}

/** A system call that failed for another reason than contention. */
export interface NativeFailure {
  /** As in errno.h: positive. */
  errno: number;
  syscall: 'flock' | 'fcntl' | 'timer_create';
}

/** `LockMode` of `native/file_lock.h`. */
export const nativeMode = { unlock: 0, shared: 1, exclusive: 2 } as const;

/** `LockScheme` of `native/file_lock.h`. */
export const nativeScheme = { flock: 0, ofd: 1 } as const;

/** A place of the addon where it is not, or from where it does not load. */
export interface TriedAddon {
  readonly path: string;
  /** What the dynamic loader said; undefined where there is no such file. */
  readonly cause: unknown;
}

/** How a search for the addon ended. */
export interface AddonSearch {
  /** Undefined where none was loaded; `path` with it. */
  readonly addon: (NativeLocks & NativeWatchdog & NativeLease) | undefined;
  readonly path: string | undefined;
  readonly tried: readonly TriedAddon[];
}

/** The exports of `load-addon.cts`. */
export interface AddonLoader {
  loadAddon(): AddonSearch;
  /** Where it is. Without a separator at its end. */
  readonly directory: string;
}

let loaded: { readonly addon: NativeLocks & NativeWatchdog & NativeLease; readonly path: string } | undefined;

/**
 * The addon, loaded at the first call in this thread: what was compiled on this machine, in `build/Release`, else the
 * prebuilt one. Both are of this package; no other directory is looked at.
 *
 * @throws DeferredSweepError `DEFERRED_ADDON_MISSING` when there is none for this platform, it does not load, or this
 * module was bundled into another program.
 */
export function nativeLocks(): NativeLocks {
  loaded ??= load();
  return loaded.addon;
}

/** As {@link nativeLocks}: one file, loaded once. */
export function nativeWatchdog(): NativeWatchdog {
  loaded ??= load();
  return loaded.addon;
}

/** As {@link nativeLocks}: one file, loaded once. */
export function nativeLease(): NativeLease {
  loaded ??= load();
  return loaded.addon;
}

/** The file that {@link nativeLocks} is loaded from. */
export function addonPath(): string {
  loaded ??= load();
  return loaded.path;
}

function load(): NonNullable<typeof loaded> {
  if (!isInPackage(import.meta.url)) throw bundled(import.meta.url);
  // In this form, so that `@vercel/nft` sees what a deployment needs.
  const require = createRequire(import.meta.url);
  const { loadAddon, directory } = require('./load-addon.cjs') as AddonLoader;
  // Webpack writes into its bundle where this module was when it was built, but leaves the other its new place.
  if (directory !== dirname(fileURLToPath(import.meta.url))) throw bundled(directory);
  const { addon, path, tried } = loadAddon();
  if (addon === undefined || path === undefined) throw addonMissing(tried);
  return { addon, path };
}
