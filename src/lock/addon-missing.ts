import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import types from 'node:util/types';
import { DeferredSweepError, errorCode } from '../errors.ts';
import { quoted } from '../printable.ts';
import { cLibrary } from './c-library.ts';

/** A place where no addon is, or none that loads. */
export interface TriedAddon {
  readonly path: string;
  /** The dynamic loader's error; undefined if there is no such file. */
  readonly cause: unknown;
}

/** For a package without an addon that loads: `docs/installing.md`. */
export function addonMissing(tried: readonly TriedAddon[]): DeferredSweepError {
  const cause = tried.find(place => place.cause !== undefined)?.cause;
  return new DeferredSweepError(
    'DEFERRED_ADDON_MISSING',
    `cannot load the native addon for ${platform()}: ${tried.map(failure).join('; ')}; ${advice(cause)}`,
    { cause },
  );
}

/** For code at `url` that a bundler took out of this package. */
export function bundled(url: string | undefined): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_ADDON_MISSING',
    `cannot load the native addon for ${platform()}: deferred-sweep was bundled into ${url ?? 'a CommonJS file'}, ` +
      `and its addon and its runner are not there; mark deferred-sweep as external: ${EXTERNAL.join('; ')}`,
  );
}

// The settings of docs/bundlers.md. Each covers the second entry point, deferred-sweep/lock, too.
const EXTERNAL = [
  'esbuild: --external:deferred-sweep',
  "vite: ssr: { external: ['deferred-sweep'] }",
  "webpack: externalsType: 'module', externals: [/^deferred-sweep/], experiments: { outputModule: true }",
  'rollup: external: [/^deferred-sweep/]',
  'ncc: -e deferred-sweep -e deferred-sweep/lock',
];

function failure({ path, cause }: TriedAddon): string {
  if (cause === undefined) return `no file ${path}`;
  return `${path} does not load (${types.isNativeError(cause) ? cause.message.trim() : String(cause)})`;
}

function platform(): string {
  return `${process.platform}-${process.arch} (${cLibrary()}, Node ${process.versions.node})`;
}

function advice(cause: unknown): string {
  // No addon would load.
  if (errorCode(cause) === 'ERR_DLOPEN_DISABLED')
    return 'start Node without --no-addons, or with --allow-addons beside --permission';
  // npm refuses to install there, unless it is forced.
  if (process.platform === 'win32')
    return 'it cannot be compiled for Windows; use Linux, in WSL 2 or a container';
  return `to compile it for this machine, run: ${buildCommand()}`;
}

function buildCommand(): string {
  const root = fileURLToPath(new URL('../../', import.meta.url));
  // Only the package has the headers for build.mjs; a checkout has them in its node_modules.
  return existsSync(join(root, 'binding.gyp'))
    ? `cd ${quoted(root)} && npm run build:native`
    : `node ${quoted(join(root, 'native/build.mjs'))}`;
}
