import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import types from 'node:util/types';
import { isErrorNamed } from '../../errors.ts';
import type { Callable, ModuleDescriptor, Reference, SourceReference } from '../descriptor.ts';
import { type InspectedFunction, read, scopeOf } from '../inspector/inspector.ts';
import { type BuiltinName, isNodesFunction, nameBuiltin } from '../locate.ts';
import { isModuleMadeByHook } from '../module/hook-made.ts';
import { leadsToProgram } from '../module/programs.ts';
import { isTranspiled } from '../module/search-values.ts';
import { type Mention, refusal } from '../refusal.ts';
import { GLOBAL_NAMES } from '../source-code/globals.ts';
import { codeOf } from '../source-code/script-code.ts';
import { isProvided, isRequire } from './ambient-bindings.ts';
import type { FreeVariable } from './source-text.ts';

const require = createRequire(import.meta.url);

export type Variable =
  /** A global variable every process has: nothing to store. */
  | { readonly kind: 'global' }
  /** Given anew where the function runs. */
  | { readonly kind: 'provided' }
  | { readonly kind: 'function'; readonly value: Callable }
  /** A module or another object that is found again by name. */
  | { readonly kind: 'reference'; readonly value: object; readonly reference: Reference }
  /** A module that cannot be named, of which only these members are used. */
  | {
      readonly kind: 'members';
      readonly members: Readonly<Record<string, unknown>>;
      readonly namespace: object;
    }
  | { readonly kind: 'value'; readonly value: unknown };

/** What the variable holds now. @param chain - the deferred function, then those captured on the way to the one that uses it */
export function resolveVariable(
  variable: FreeVariable,
  inspected: InspectedFunction,
  chain: readonly Mention[],
): Variable {
  const { name } = variable;
  const scope = scopeOf(name, inspected);
  if (scope === undefined) {
    if (GLOBAL_NAMES.has(name) || variable.isGuarded) return { kind: 'global' };
    // Code given by `node --eval` finds `require` there.
    if (isProvided(name, Object.getOwnPropertyDescriptor(globalThis, name)?.value, inspected.script))
      return { kind: 'provided' };
    throw refusal(
      chain,
      `uses the variable ${name}, which is neither captured nor global in every Node process`,
      `pass it as an argument, or import it inside the function`,
    );
  }
  let value: unknown;
  try {
    value = scope.variables[name];
  } catch (error) {
    if (!isErrorNamed(error, 'ReferenceError')) throw error;
    throw refusal(
      chain,
      `uses the variable ${name}, which has no value yet`,
      'defer it after the declaration',
    );
  }
  if (isProvided(name, value, inspected.script)) return { kind: 'provided' };
  if (isRequire(value)) {
    throw refusal(
      chain,
      `uses ${name}, a require made for another file or under another name`,
      'call createRequire() inside the function, or import() what it needs',
    );
  }
  if (typeof value === 'function') return { kind: 'function', value: value as Callable };
  if (typeof value !== 'object' || value === null) return { kind: 'value', value };
  if (isImportBinding(name, value) && variable.members !== undefined)
    return readMembers(value, name, variable.members, chain);
  const reference = namedReference(value);
  if (reference !== undefined) return { kind: 'reference', value, reference };
  return isNamespaceLike(name, value)
    ? resolveNamespace(variable, value, inspected, chain)
    : { kind: 'value', value };
}

/** The name of an object that is one by identity: a module of Node, a global object, a CommonJS module's exports. */
export function namedReference(value: unknown): Reference | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const builtin = nameBuiltin(value);
  if (builtin !== undefined && isNodes(value, builtin)) return toReference(builtin);
  const module = Object.values(require.cache).find(loaded => loaded?.exports === value);
  // A module that exports data only, such as a JSON file, is taken by value: as it is now, not as it will be.
  if (module === undefined || !(types.isProxy(value) || hasFunctions(value))) return undefined;
  const url = pathToFileURL(module.filename).href;
  return leadsToProgram(url) || isModuleMadeByHook(value) ? undefined : { kind: 'commonjs', module: url };
}

/**
 * A program may hang an object of its own on `process` or `fs`, where a runner has none. A tool replaces only some functions of
 * one of Node's.
 */
function isNodes(value: object, name: BuiltinName): boolean {
  const isMember = name.kind === 'module' ? name.export !== 'default' : name.expression.includes('.');
  if (!isMember) return true;
  if (types.isProxy(value)) return false;
  const functions = Object.values(Object.getOwnPropertyDescriptors(value))
    .map(property => property.value as unknown)
    .filter(member => typeof member === 'function');
  // `process.env` has none.
  return functions.length === 0 || functions.some(isNodesFunction);
}

/** The reference a stored closure holds; an expression of globals is the text of a function that uses nothing else. */
export function toReference(name: BuiltinName): ModuleDescriptor | SourceReference {
  if (name.kind === 'module') return name;
  return { kind: 'source', source: name.expression, strict: true, variables: [], links: {}, provided: [] };
}

function hasFunctions(value: object): boolean {
  return Object.values(Object.getOwnPropertyDescriptors(value)).some(
    property => property.get !== undefined || typeof property.value === 'function',
  );
}

/** A module's namespace, or what a transpiler makes to stand for one. */
export function isNamespaceLike(name: string, value: object): boolean {
  if (types.isModuleNamespaceObject(value) || VITE_IMPORT.test(name) || isTranspiled(value)) return true;
  if (types.isProxy(value)) return false;
  // esbuild's and TypeScript's copies of a CommonJS module: its properties behind accessors, itself as `default`.
  const original: unknown = Object.getOwnPropertyDescriptor(value, 'default')?.value;
  return namedReference(original) !== undefined;
}

/**
 * Whether a transpiler has made this of `import { a, b } from`: what is captured are those, as they are now. The names are
 * those that TypeScript (`library_1`), esbuild (`import_library`), babel and swc (`_library`) and vite give.
 */
function isImportBinding(name: string, value: object): boolean {
  if (VITE_IMPORT.test(name)) return true;
  if (isTranspiled(value) && /^(import_|_)\w+$|^\w+_\d+$/.test(name)) return true;
  return !types.isProxy(value) && isCopyOfData(value);
}

/** esbuild's and TypeScript's copy of a module of data, such as a JSON file: accessors, and the data itself as `default`. */
function isCopyOfData(value: object): boolean {
  const data: unknown = Object.getOwnPropertyDescriptor(value, 'default')?.value;
  if (typeof data !== 'object' || data === null || types.isProxy(data) || hasFunctions(data)) return false;
  const names = Object.getOwnPropertyNames(value).filter(name => name !== 'default');
  const isCopied = (name: string): boolean =>
    Object.getOwnPropertyDescriptor(value, name)?.get !== undefined && Object.hasOwn(data, name);
  return names.length > 0 && names.every(isCopied);
}

/** What vite and vitest make of an import: a proxy, or an object with accessors. */
const VITE_IMPORT = /^__vi(te_ssr)?_import_\d+__$/;

function readMembers(
  namespace: object,
  name: string,
  used: readonly string[],
  chain: readonly Mention[],
): Variable {
  const members: Record<string, unknown> = {};
  for (const member of used) {
    try {
      members[member] = Reflect.get(namespace, member);
    } catch {
      throw refusal(
        chain,
        `uses ${name}.${member}, which cannot be read now`,
        'defer it after the import has a value, or import() it inside the function',
      );
    }
  }
  return { kind: 'members', members, namespace };
}

function resolveNamespace(
  { name, members }: FreeVariable,
  value: object,
  inspected: InspectedFunction,
  chain: readonly Mention[],
): Variable {
  const reference = nodesNamespace(value) ?? declaredNamespace(name, value, inspected);
  if (reference !== undefined) return { kind: 'reference', value, reference };
  if (members !== undefined) return readMembers(value, name, members, chain);
  const copied = copiedModule(value);
  if (copied !== undefined) return { kind: 'reference', value, reference: copied };
  throw refusal(
    chain,
    `uses an imported module as a whole (here called ${name}), and where that came from is not known`,
    'import() it inside the function, or use single exports of it',
  );
}

/** The namespace of a module of Node, told by its default export. */
function nodesNamespace(value: object): Reference | undefined {
  const main = namedReference(read(value as Record<string, unknown>, 'default'));
  const isModule = main?.kind === 'module' && main.export === 'default';
  return isModule ? { kind: 'namespace', module: main.module } : undefined;
}

/** The CommonJS module, itself made of an ES module, of which esbuild's `__toESM` has made this object of accessors. */
function copiedModule(value: object): Reference | undefined {
  const names = Object.getOwnPropertyNames(value);
  const isOriginal = (exports: unknown): boolean =>
    isTranspiled(exports) &&
    Object.getOwnPropertyNames(exports).length === names.length &&
    names.every(
      name => Object.hasOwn(exports, name) && Reflect.get(exports, name) === Reflect.get(value, name),
    );
  const module = Object.values(require.cache).find(loaded => isOriginal(loaded?.exports));
  return module && namedReference(module.exports);
}

/** The namespace that the module's own `import * as name from 'specifier'` gives. */
function declaredNamespace(
  name: string,
  value: object,
  { scopes, script }: InspectedFunction,
): Reference | undefined {
  const module = scopes.find(({ kind }) => kind === 'Module');
  if (module === undefined || module.variables[name] !== value) return undefined;
  const specifier = codeOf(script)?.declarations?.namespaces.get(name);
  if (specifier === undefined || isModuleMadeByHook(value)) return undefined;
  return { kind: 'namespace', module: specifier, from: script.url };
}
