import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import types from 'node:util/types';
import { currentDirectory } from '../current-directory.ts';
import type { Script } from '../inspector/inspector.ts';
import { importFrom } from '../module/import-from.ts';
import { urlOf, withoutQuery } from '../module/script-url.ts';
import { isObject } from '../module/search-values.ts';

/** A variable that a stored function is given anew where it runs, so that its value need not be stored. */
type Provision = readonly [
  name: RegExp,
  /** Whether this value is what the provision stands for, and not something of the user's with the same name. */
  matches: (value: unknown, script: Script) => boolean,
  /** The value, for a function that was written at `url`. */
  create: (url: string | undefined) => unknown,
];

const PROVISIONS: readonly Provision[] = [
  // CommonJS's, and what `createRequire(import.meta.url)` makes.
  [
    /^require$/,
    (value, script) => isRequire(value) && !isElsewhere(value, urlOf(script)),
    url => createRequire(url ?? `${currentDirectory()}/`),
  ],
  // esbuild and tsx: gives a function back the name that it would lose by being moved or minified.
  [/^__name$/, isNameKeeper, () => setName],
  // Babel; the helper replaces itself at its first call by one with a cache, or has one beside it.
  [/^_interopRequireWildcard$/, isInterop, () => babelInterop],
  [/^_interop_require_wildcard$/, isInterop, () => swcInterop],
  // TypeScript; a part of the helper replaces itself.
  [/^__importStar$/, isInterop, () => importStar],
  // istanbul: `cov_1a2b().s[3]++` counts statements for the coverage report of a process that is gone.
  [/^cov_[0-9a-z]+$/, value => hasText(value, /\bactualCoverage\b/), createIdleCounter],
  // vite and vitest: what they make of `import()`.
  [
    /^__(vite_ssr_dynamic|vi)_import__$/,
    value => typeof value === 'function',
    url => (specifier: string) => importFrom(unrooted(specifier, url), url),
  ],
];

const babelInterop = createInterop(true);
const swcInterop = createInterop(false);

/** esbuild's `(target, value) => defineProperty(target, "name", { value, configurable: true })`, minified or not. */
const KEEPS_NAME = /^\((\w+),\s*(\w+)\)\s*=>\s*\w+\(\1,\s*['"]name['"],\s*\{\s*(value:\s*)?\2,[^}]*\}\)$/;

export function isNameKeeper(value: unknown): boolean {
  return hasText(value, KEEPS_NAME);
}

function hasText(value: unknown, text: RegExp): boolean {
  return typeof value === 'function' && text.test(Function.prototype.toString.call(value));
}

/** Whether a stored function gets this variable from {@link provide}. */
export function isProvided(name: string, value: unknown, script: Script): boolean {
  if (types.isProxy(value)) return false;
  return PROVISIONS.some(([pattern, matches]) => pattern.test(name) && matches(value, script));
}

/** CommonJS's own, or one that `createRequire` has made. */
export function isRequire(value: unknown): value is NodeJS.Require {
  return (
    typeof value === 'function' &&
    !types.isProxy(value) &&
    ['resolve', 'cache'].every(name => Object.hasOwn(value, name))
  );
}

/** Whether it looks for files somewhere else than in the directory of `url`, as `createRequire('/other/')` does. */
function isElsewhere({ resolve }: NodeJS.Require, url: string): boolean {
  if (!url.startsWith('file:') || typeof resolve.paths !== 'function') return false;
  const [directory] = resolve.paths('./any') ?? [];
  return directory !== undefined && directory !== dirname(fileURLToPath(url));
}

/** The value of a provided variable in a function that was written at `url`; undefined for an unknown name. */
export function provide(name: string, url: string | undefined): unknown {
  const [, , create] = PROVISIONS.find(([pattern]) => pattern.test(name)) ?? [];
  return create?.(url);
}

/**
 * vite writes the paths of files from the root of the project, which it does not name: the nearest directory above
 * `url` that has such a file. Those outside of the root it writes as `/@fs/` and their path.
 */
function unrooted(specifier: string, url: string | undefined): string {
  if (!specifier.startsWith('/') || url?.startsWith('file:') !== true) return specifier;
  if (specifier.startsWith('/@fs/')) return pathToFileURL(specifier.slice('/@fs'.length)).href;
  const file = withoutQuery(specifier);
  for (let directory = dirname(fileURLToPath(url)); ; directory = dirname(directory)) {
    if (existsSync(join(directory, file))) return pathToFileURL(join(directory, file)).href;
    if (directory === dirname(directory)) return specifier;
  }
}

/** What esbuild's `__name` does. */
export function setName(target: object, name: string): object {
  return Object.defineProperty(target, 'name', { value: name, configurable: true });
}

/** Each property of it is itself. It forgets what is counted in it. */
function createIdleCounter(): unknown {
  const counter: unknown = new Proxy(() => undefined, {
    apply: () => counter,
    get: (_, key) => (key === Symbol.toPrimitive ? () => 0 : counter),
    set: () => true,
  });
  return counter;
}

/** What Babel, swc and TypeScript put around `require` where the program says `import * as` or `import()`. */
type Interop = (module: unknown, isNodeInterop?: boolean) => unknown;

/** Their texts have no other word in common. */
function isInterop(value: unknown): boolean {
  return typeof value === 'function' && String(value).includes('__esModule');
}

/** A new one, which remembers what it made: the same module gives the same namespace. */
function createInterop(isDefaultFirst: boolean): Interop {
  const made = [new WeakMap<object, object>(), new WeakMap<object, object>()] as const;
  return (module, isNodeInterop = false) => {
    if (!isObject(module)) return Object.assign(Object.create(null), { default: module });
    if (!isNodeInterop && Reflect.get(module, '__esModule')) return module;
    const known = made[isNodeInterop ? 1 : 0];
    let namespace = known.get(module);
    if (namespace === undefined) {
      namespace = toNamespace(module, isDefaultFirst);
      known.set(module, namespace);
    }
    return namespace;
  };
}

/** TypeScript's: each member is read from the module when it is used. */
function importStar(module: unknown): unknown {
  if (isObject(module) && Reflect.get(module, '__esModule')) return module;
  const namespace = {};
  for (const key of Object.getOwnPropertyNames(module ?? {}).filter(name => name !== 'default')) {
    const own = Object.getOwnPropertyDescriptor(module, key)!;
    const isConstant = 'value' in own && !own.writable && !own.configurable;
    const get = () => Reflect.get(module as object, key) as unknown;
    Object.defineProperty(namespace, key, isConstant ? own : { enumerable: true, get });
  }
  return Object.defineProperty(namespace, 'default', { enumerable: true, value: module });
}

function toNamespace(module: object, isDefaultFirst: boolean): object {
  const namespace = Object.create(null) as Record<string, unknown>;
  if (isDefaultFirst) namespace.default = module;
  for (const key in module) {
    const property = key === 'default' ? undefined : Object.getOwnPropertyDescriptor(module, key);
    if (property === undefined) continue;
    if (property.get || property.set) Object.defineProperty(namespace, key, property);
    else namespace[key] = property.value;
  }
  namespace.default = module;
  return namespace;
}
