import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonMissing, bundled, type TriedAddon } from './addon-missing.ts';

/** The functions of `native/binding.cc`. Its headers tell of each, and so do their users, mostly in `src/native/`. */
export interface NativeAddon {
  /** Locks or unlocks a whole file, without waiting. `true`: done; `false`: contended. */
  setFileLock(
    descriptor: number,
    mode: (typeof nativeMode)[keyof typeof nativeMode],
    scheme: (typeof nativeScheme)[keyof typeof nativeScheme],
  ): boolean | NativeFailure;
  /** Kills this process's group after `limitMs` + `graceMs`, both whole; never if `limitMs` is 0. Replaces the call before. */
  setWatchdog(limitMs: number, graceMs: number): true | NativeFailure;
  startWaitingProcess(): number | NativeFailure;
  endWaitingProcess(pid: number): true | NativeFailure;
  probeLease(descriptor: number): number | NativeFailure;
  appendNamed(descriptor: number, path: string, bytes: Uint8Array): boolean | number | NativeFailure;
  isStillLocked(
    path: string,
    scheme: (typeof nativeScheme)[keyof typeof nativeScheme],
    size: number,
    modifiedNs: number,
  ): boolean;
  duplicateInheritable(descriptor: number, lowest: number): number | NativeFailure;
  openDirectoryWatches(): number | NativeFailure;
  addDirectoryWatch(descriptor: number, path: string, events: number): number | NativeFailure;
  removeDirectoryWatch(descriptor: number, watch: number): true | NativeFailure;
  pollReadable(descriptor: number, onReadable: () => void): (() => void) | NativeFailure;
  becomeSubreaper(): true | NativeFailure;
  peekEndedChild(): number | NativeFailure;
  reapChild(pid: number): number | NativeFailure;
  openProcess(pid: number): number | NativeFailure;
  signalProcess(descriptor: number, signal: number): true | NativeFailure;
  listProcesses(): number[] | NativeFailure;
  processEnvironment(pid: number): Buffer | NativeFailure;
  copyEnvironment(known: Uint8Array): Buffer | undefined;
  sendDatagram(path: string, message: string): true | NativeFailure;
  keepSignalOrigin(signal: number): true | NativeFailure;
  signalSender(signal: number): number;
}

/** The error of a system call, other than contention. */
export interface NativeFailure {
  /** Positive, as in errno.h. */
  errno: number;
  syscall: string;
}

/** `LockMode` of `native/file_lock.h`. */
export const nativeMode = { unlock: 0, shared: 1, exclusive: 2 } as const;

/** `LockScheme` of `native/file_lock.h`. */
export const nativeScheme = { flock: 0, ofd: 1 } as const;

interface LoadedAddon {
  readonly addon: NativeAddon;
  readonly path: string;
}

/** The exports of `load-addon.cts`. */
export interface AddonLoader {
  /** Where none loads: what was tried. */
  loadAddon(): LoadedAddon | { readonly addon?: undefined; readonly tried: readonly TriedAddon[] };
  /** Where it is. Without a separator at its end. */
  readonly directory: string;
}

let loaded: LoadedAddon | undefined;

/**
 * The addon, loaded at the first call in this thread: the one compiled on this machine, in `build/Release`, else the
 * prebuilt one. Both lie in this package; no other directory is searched.
 * @throws DeferredSweepError `DEFERRED_ADDON_MISSING`
 */
export function nativeAddon(): NativeAddon {
  loaded ??= load();
  return loaded.addon;
}

export function addonPath(): string {
  loaded ??= load();
  return loaded.path;
}

function load(): LoadedAddon {
  if (!isInPackage(import.meta.url)) throw bundled(import.meta.url);
  // In this form, so that `@vercel/nft` sees what a deployment needs.
  const require = createRequire(import.meta.url);
  const { loadAddon, directory } = require('../lock/load-addon.cjs') as AddonLoader;
  // Webpack writes into its bundle where this module was when it was built, but leaves the other its new place.
  if (directory !== join(dirname(fileURLToPath(import.meta.url)), '../lock')) throw bundled(directory);
  const found = loadAddon();
  if (found.addon === undefined) throw addonMissing(found.tried);
  return found;
}

/**
 * Whether a file at `url` is two directories below this package's root, as it was installed. Where a bundler made it a part of
 * another file, `url` is that file's, or one that the bundler made up.
 */
function isInPackage(url: string | undefined): boolean {
  if (url === undefined) return false;
  try {
    const { name } = JSON.parse(readFileSync(new URL('../../package.json', url), 'utf8')) as {
      name?: unknown;
    };
    return name === 'deferred-sweep';
  } catch {
    // No package.json, or one without a name. It is not this package's.
    return false;
  }
}
