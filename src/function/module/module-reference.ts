import { existsSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { isAbsolute } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { DeferredSweepError, errorCode } from '../../errors.ts';
import { shown } from '../../printable.ts';
import { importingForCall } from '../current-invocation.ts';
import type { Callable, ModuleDescriptor } from '../descriptor.ts';
import { hasText, isUnchanged } from './same-function.ts';
import { filePathOf, withoutQuery } from './script-url.ts';

const require = createRequire(import.meta.url);

/** Where a function lives. */
export interface ModuleLocation {
  /** A `file:`, `node:` or `data:` URL, or an absolute path. */
  module: string;
  /** Name of the export, `default`, or a dotted path through it such as `Resource.close`. */
  export: string;
}

/** Loads nothing. @throws TypeError for a relative path or a bare package name: what they mean depends on who resolves them */
export function storeLocation(location: ModuleLocation): ModuleDescriptor {
  if (typeof location !== 'object' || location === null)
    throw new TypeError(`location must be an object { module, export }, got ${shown(location)}`);
  const { module, export: path } = location;
  if (typeof module !== 'string')
    throw new TypeError(`location.module must be a string, got ${typeof module}`);
  if (typeof path !== 'string') throw new TypeError(`location.export must be a string, got ${typeof path}`);
  if (path.split('.').includes(''))
    throw new TypeError(`location.export must be a dotted path of names, got ${JSON.stringify(path)}`);
  return { kind: 'module', module: absoluteModule(module), export: path };
}

function absoluteModule(module: string): string {
  if (isAbsolute(module)) return pathToFileURL(module).href;
  if (/^(file|node|data):/.test(module)) return module;
  if (isBuiltin(module)) return `node:${module}`;
  throw new TypeError(
    `location.module must be a file:, node: or data: URL or an absolute path, got ${JSON.stringify(module)}; ` +
      `pass import.meta.url for the module this is written in, or import.meta.resolve(${JSON.stringify(module)})`,
  );
}

/**
 * The function, its module imported, and the object it is called on.
 * @throws `DEFERRED_FUNCTION_MISSING` when there is no such module (cause: the loader's error) or the path does not lead
 * to a function; unchanged, what the module throws while it is evaluated
 */
export async function importFunction(descriptor: ModuleDescriptor): Promise<Found<Callable>> {
  return functionOf(await importNamespace(descriptor), descriptor);
}

/** As {@link importFunction}, where the module was imported for a call before: that takes no turn. */
export function findImported(descriptor: ModuleDescriptor): Found<Callable> | undefined {
  const namespace = knownNamespace(descriptor);
  return namespace && functionOf(namespace, descriptor);
}

function functionOf(namespace: Namespace, descriptor: ModuleDescriptor): Found<Callable> {
  const found = candidatesIn(namespace, descriptor);
  const callables = found.filter((one): one is Found<Callable> => typeof one.value === 'function');
  if (callables.length > 0) return registeredOf(callables, descriptor);
  const [{ value }] = found;
  throw missing(descriptor, `it is ${value === null ? 'null' : `of type ${typeof value}`}, not a function`);
}

/** The function that was registered, or its new version in a changed file. */
function registeredOf(callables: readonly Found<Callable>[], descriptor: ModuleDescriptor): Found<Callable> {
  const hasChecksums = descriptor.text !== undefined;
  const same = hasChecksums ? callables.filter(({ value }) => hasText(value, descriptor)) : callables;
  const possible = same.length > 0 || isUnchanged(descriptor) ? same : callables;
  const [first] = possible;
  if (first === undefined)
    throw missing(descriptor, 'another function is there than was registered, although the file is the same');
  // Of CommonJS it may be the exports or their `default`. Any other name is the same by both ways.
  const isDefault = descriptor.export.split('.')[0] === 'default';
  const wasLookedUp = hasChecksums || descriptor.required === true;
  if (wasLookedUp && isDefault && possible.some(({ value }) => value !== first.value))
    throw missing(descriptor, 'two functions are there, and it cannot be told which of them was registered');
  return first;
}

/** The same for a value of any type. */
export async function importExport(descriptor: ModuleDescriptor): Promise<unknown> {
  // Of files they are functions.
  if (!descriptor.module.startsWith('node:')) return (await importFunction(descriptor)).value;
  const [{ value }] = candidatesIn(await importNamespace(descriptor), descriptor);
  return value;
}

/**
 * What the path leads to from the namespace, and from its default export: of CommonJS modules, names that Node's lexer
 * did not find are there only, and so is what a transpiler made of `export default`.
 */
function candidatesIn(namespace: Namespace, descriptor: ModuleDescriptor): [Found, ...Found[]] {
  const path = descriptor.export.split('.');
  const roots = [namespace, namespace.default];
  // A tool that replaces functions of Node's modules need not tell their namespaces of it.
  if (descriptor.module.startsWith('node:')) roots.reverse();
  const [first, ...others] = roots.map(root => follow(root, path)).filter(found => found !== undefined);
  if (first === undefined) throw missing(descriptor, `the module has no such export; ${PUT_BACK}`);
  return [first, ...others];
}

interface Found<V = unknown> {
  readonly value: V;
  readonly receiver: unknown;
}

function follow(root: unknown, path: readonly string[]): Found | undefined {
  let receiver: unknown;
  let value = root;
  for (const [depth, name] of path.entries()) {
    if ((typeof value !== 'object' && typeof value !== 'function') || value === null || !(name in value))
      return undefined;
    // The namespace is no receiver: calling an export is a plain call.
    receiver = depth === 0 ? undefined : value;
    value = Reflect.get(value, name);
  }
  return { value, receiver };
}

type Namespace = Record<string, unknown>;

/** By URL. Node keeps them too, but takes longer to find one than most functions to run. */
const namespaces = new Map<string, Namespace>();

function knownNamespace({ module, required }: ModuleDescriptor): Namespace | undefined {
  return required ? undefined : namespaces.get(module);
}

async function importNamespace(descriptor: ModuleDescriptor): Promise<Namespace> {
  const { module, required } = descriptor;
  const known = knownNamespace(descriptor);
  if (known !== undefined) return known;
  try {
    return await importingForCall(() => (required ? requireModule(module) : importModule(module)));
  } catch (error) {
    if (!isNotFound(error, module)) throw error;
    throw missing(descriptor, `the module cannot be found; ${PUT_BACK}`, error);
  }
}

async function importModule(module: string): Promise<Namespace> {
  try {
    const namespace: Namespace = await import(module);
    namespaces.set(module, namespace);
    return namespace;
  } catch (error) {
    // Of what `DeferredFunction.of` names. ts-node/register, @babel/register and the like add extensions to `require` alone.
    if (errorCode(error) !== 'ERR_UNKNOWN_FILE_EXTENSION') throw error;
    return await requireModule(module);
  }
}

async function requireModule(module: string): Promise<Namespace> {
  const exported: unknown = require(fileURLToPath(withoutQuery(module)));
  return { ...(typeof exported === 'object' && exported), default: exported };
}

/** Whether it is this module that was not found, and not one that it imports. */
function isNotFound(error: unknown, module: string): boolean {
  const code = errorCode(error);
  if (code === 'ERR_UNKNOWN_BUILTIN_MODULE') return module.startsWith('node:');
  if (code === 'MODULE_NOT_FOUND') {
    const path = filePathOf(module);
    return path !== undefined && !existsSync(path);
  }
  if (code !== 'ERR_MODULE_NOT_FOUND') return false;
  const { url } = error as { url?: unknown };
  return typeof url === 'string' && withoutQuery(url) === withoutQuery(module);
}

const PUT_BACK = 'put it back before the attempts are used up';

function missing(descriptor: ModuleDescriptor, why: string, cause?: unknown): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_FUNCTION_MISSING',
    `cannot find the deferred function ${descriptor.export} of ${descriptor.module}: ${why}`,
    { cause },
  );
}
