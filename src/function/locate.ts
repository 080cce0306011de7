import * as childProcess from 'node:child_process';
import * as fs from 'node:fs';
import * as fsPromises from 'node:fs/promises';
import types from 'node:util/types';
import { hasCode } from '../errors.ts';
import type { ModuleDescriptor } from './descriptor.ts';
import { type InspectedFunction, inspectFunction } from './inspector/inspector.ts';
import { findExport } from './module/find-export.ts';
import { isObject } from './module/search-values.ts';
import { nameOf } from './refusal.ts';
import { GLOBAL_NAMES } from './source-code/globals.ts';

/** How a function or object of Node or of the language is named: as an export, or as an expression of global names. */
export type BuiltinName = ModuleDescriptor | { readonly kind: 'global'; readonly expression: string };

/** Where a function can be had from: a module, the language's globals, or only its own text. */
type Located = BuiltinName | { readonly kind: 'text'; readonly inspected: InspectedFunction };

const references = new WeakMap<object, BuiltinName>();

/**
 * Where a function lives; undefined for native, bound and Node's internal ones that have no public name. References are
 * remembered, texts are not: what a closure has captured changes.
 * @throws `DEFERRED_UNSUPPORTED` where there is no inspector, except for functions of Node's built-in modules
 */
export function locateFunction(fn: object): Located | undefined {
  const known = references.get(fn);
  if (known !== undefined) return known;
  const inspected = inspectOrName(fn);
  if (inspected !== undefined && 'script' in inspected) {
    // Not remembered: the tool may take its function back.
    const exported = nameReplacement(fn) ?? findExport(fn, inspected);
    if (exported === undefined) return { kind: 'text', inspected };
    if (exported.module.startsWith('node:')) return exported;
    references.set(fn, exported);
    return exported;
  }
  if (inspected !== undefined) references.set(fn, inspected);
  return inspected;
}

function inspectOrName(fn: object): InspectedFunction | BuiltinName | undefined {
  let inspected: InspectedFunction | undefined;
  try {
    inspected = inspectFunction(fn);
  } catch (error) {
    const name = hasCode(error, 'DEFERRED_UNSUPPORTED') ? nameBuiltin(fn) : undefined;
    if (name === undefined) throw error;
    return name;
  }
  // A name counts only for what is Node's own: a program may hang functions of its own on `fs` or `Array`.
  if (inspected !== undefined && !inspected.script.url.startsWith('node:')) return inspected;
  // It may have been out of its place when names were first looked at.
  return nameBuiltin(fn) ?? nameReplacement(fn) ?? nameBehindAccessor(fn);
}

/** False where a file or a text of the program has the function. */
export function isNodesFunction(fn: object): boolean {
  const located = inspectOrName(fn);
  return located === undefined || !('script' in located);
}

// Not require(), which webpack replaces: its bundle would fail here, before the addon's error says what to do.
const { getBuiltinModule } = process;

/** Modules whose exports people pass around, the likeliest first: of two names for one function the first is kept. */
const MODULES =
  `fs fs/promises process child_process path os net http https timers timers/promises util stream
  stream/promises stream/consumers stream/web events url buffer crypto dns dns/promises readline
  readline/promises assert assert/strict async_hooks cluster console dgram diagnostics_channel domain http2
  inspector inspector/promises module perf_hooks querystring repl sqlite string_decoder tls trace_events tty v8 vm
  wasi worker_threads zlib`.split(/\s+/);

/** Part of every process without being listed as loaded. */
const ALWAYS_LOADED = new Set(['process', 'console', 'module', 'fs/promises']);

/** Objects found by identity that have no functions of their own, or that an accessor gives; what Node loads for each. */
const SINGLE_OBJECTS: readonly [module: string, key: string, loaded: string][] = [
  ['perf_hooks', 'performance', 'perf_hooks'],
  ['timers/promises', 'scheduler', 'timers/promises'],
  ['dns', 'promises', 'internal/dns/promises'],
  ['crypto', 'webcrypto', 'internal/crypto/webcrypto'],
  ['crypto', 'subtle', 'internal/crypto/webcrypto'],
];

const names = new WeakMap<object, BuiltinName>();
const indexed = new Set<string>();

/** The name of what is Node's or the language's, found by identity. Loads no module: that of a function has been loaded. */
export function nameBuiltin(value: object): BuiltinName | undefined {
  if (!names.has(value)) indexLoaded();
  return names.get(value);
}

/** Modules whose functions tools replace (dd-trace, OpenTelemetry, Yarn PnP), of each the functions that Node gave it. */
const REPLACEABLE: readonly [name: string, exports: object, keys: readonly string[]][] = [
  functionsOf('fs', fs),
  functionsOf('fs/promises', fsPromises),
  functionsOf('child_process', childProcess),
  // Not by `node:process`: to import that is to open standard input, which is without blocking from then on.
  functionsOf('process', process),
];

function functionsOf(name: string, namespace: object): [name: string, exports: object, keys: string[]] {
  const exports = getBuiltinModule(`node:${name}`) as object;
  const isFunction = (key: string) =>
    typeof Object.getOwnPropertyDescriptor(exports, key)?.value === 'function';
  return [name, exports, Object.keys(namespace).filter(isFunction)];
}

/** The name of a function that a tool has put into the place of one of Node's. */
function nameReplacement(fn: object): ModuleDescriptor | undefined {
  for (const [name, exports, keys] of REPLACEABLE) {
    const key = keys.find(key => Reflect.get(exports, key) === fn);
    if (key !== undefined) return { kind: 'module', module: `node:${name}`, export: key };
  }
  return undefined;
}

/** The name of one that only an accessor of its own name gives. To read others may load a module, or print a warning. */
function nameBehindAccessor(fn: object): ModuleDescriptor | undefined {
  const key = nameOf(fn);
  if (key === undefined) return undefined;
  for (const name of MODULES.filter(name => indexed.has(name))) {
    const exports = getBuiltinModule(`node:${name}`) as object;
    const isAccessor = Object.getOwnPropertyDescriptor(exports, key)?.get !== undefined;
    if (isAccessor && Reflect.get(exports, key) === fn)
      return { kind: 'module', module: `node:${name}`, export: key };
  }
  return undefined;
}

/** How long Node's list was then: it only grows. */
let indexedLength = -1;

function indexLoaded(): void {
  const loaded = (process as { moduleLoadList?: readonly string[] }).moduleLoadList;
  if (loaded?.length === indexedLength) return;
  indexedLength = loaded?.length ?? -1;
  const isLoaded = loaded === undefined ? undefined : new Set(loaded);
  for (const name of MODULES) {
    if (indexed.has(name)) continue;
    if (isLoaded !== undefined && !ALWAYS_LOADED.has(name) && !isLoaded.has(`NativeModule ${name}`)) continue;
    indexed.add(name);
    const exports: unknown = getBuiltinModule(`node:${name}`);
    const module = `node:${name}`;
    remember(exports, { kind: 'module', module, export: 'default' });
    // `Buffer.from`, `path.posix.join`, `util.types.isDate`.
    rememberMembers(exports, path => ({ kind: 'module', module, export: path }));
  }
  for (const [name, key, loaded] of SINGLE_OBJECTS) {
    // To read it is to load that.
    if (!isLoaded?.has(`NativeModule ${loaded}`)) continue;
    const value: unknown = Reflect.get(getBuiltinModule(`node:${name}`) as object, key);
    remember(value, { kind: 'module', module: `node:${name}`, export: key });
  }
  indexGlobals(isLoaded);
}

/** Globals that Node takes from undici, which it loads when one of them is first looked at. */
const FROM_UNDICI = new Set(
  'CloseEvent ErrorEvent FormData Headers MessageEvent Request Response WebSocket'.split(' '),
);

function indexGlobals(isLoaded: ReadonlySet<string> | undefined): void {
  // undici takes 10 MiB and time, and ends a process that has no WebAssembly (--jitless).
  const withUndici = isLoaded?.has('NativeModule internal/deps/undici/undici') ?? true;
  for (const name of GLOBAL_NAMES) {
    if (indexed.has(`global ${name}`) || (FROM_UNDICI.has(name) && !withUndici)) continue;
    indexed.add(`global ${name}`);
    const root: unknown = Object.getOwnPropertyDescriptor(globalThis, name)?.value;
    remember(root, { kind: 'global', expression: name });
    // A program may put anything on the global object. Of that only the names of the list count.
    if (root !== globalThis)
      rememberMembers(root, path => ({ kind: 'global', expression: `${name}.${path}` }), 'prototype');
  }
}

/** Remembers what is in an object, and the functions in each of its members or in `only` one. */
function rememberMembers(root: unknown, nameOf: (path: string) => BuiltinName, only?: string): void {
  eachMember(root, (key, member) => {
    if (!isApi(member) && member !== process.env) return;
    remember(member, nameOf(key));
    if (only !== undefined && only !== key) return;
    eachMember(member, (inner, value) => {
      if (typeof value === 'function') remember(value, nameOf(`${key}.${inner}`));
    });
  });
}

/** A function, or an object of functions; not mere data such as `process.argv`, which is captured by value. */
function isApi(value: unknown): boolean {
  if (typeof value === 'function') return true;
  if (!isObject(value) || types.isProxy(value)) return false;
  return Object.values(Object.getOwnPropertyDescriptors(value)).some(
    ({ value }) => typeof value === 'function',
  );
}

/** Own data properties only: reading an accessor may load a module, start a stream, or print a deprecation. Not of a Proxy. */
function eachMember(value: unknown, visit: (key: string, member: unknown) => void): void {
  if (!isObject(value) || types.isProxy(value)) return;
  for (const [key, property] of Object.entries(Object.getOwnPropertyDescriptors(value))) {
    if ('value' in property && /^[A-Za-z_$][\w$]*$/.test(key)) visit(key, property.value);
  }
}

function remember(value: unknown, name: BuiltinName): void {
  if (isObject(value) && !names.has(value)) names.set(value, name);
}
