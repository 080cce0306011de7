/**
 * Finding the export that a function is, without importing anything: a module that is still being evaluated would wait
 * for itself, one loaded under a `?query` would be evaluated a second time. For an ES module the export declarations are
 * read from the text V8 compiled, and the variables behind them, live, from the scope every function of the module sees;
 * of a CommonJS module the exports are in `require.cache`.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import types from 'node:util/types';
import type * as Estree from 'estree';
import type { ModuleDescriptor } from '../descriptor.ts';
import type { InspectedFunction, Scope, Script } from '../inspector/inspector.ts';
import { read } from '../inspector/read-variable.ts';
import { codeOf, isCodeKnown } from '../source-code/script-code.ts';
import { contains } from '../source-code/syntax-tree.ts';
import { isProgram } from './entry-script.ts';
import { restartsProgram } from './evaluation.ts';
import { isMadeByHook } from './hook-made.ts';
import { checksumsOf } from './same-function.ts';
import { filePathOf } from './script-url.ts';

const require = createRequire(import.meta.url);

/** How far into exported objects and classes functions are looked for: `api.users.drop` is three names. */
const DEEPEST_PATH = 3;

/** An object with more properties is a table of data, and not looked into. */
const MOST_PROPERTIES = 2_000;

/** How many properties are looked at for one function, in all objects: some 2 ms. */
const MOST_LOOKS = 10_000;

/** Listing the properties of an object with a million of them takes seconds: once only. */
const tables = new WeakSet<object>();

/** The export that `fn` is; undefined for a function that is none, and for those of a module that restarts the program. */
export function findExport(fn: object, inspected: InspectedFunction): ModuleDescriptor | undefined {
  const { script } = inspected;
  if (!isImportable(script.url) || isProgram(script.url)) return undefined;
  const path = script.isModule ? findInModule(fn, inspected) : findInCommonJs(fn, script);
  if (path === undefined || restartsProgram(script.url, () => codeOf(script)?.topLevel)) return undefined;
  if (isMadeByHook(script)) return undefined;
  // A program may put another function there, and a module may choose by what is different in another process.
  return Object.freeze({
    kind: 'module',
    module: script.url,
    export: path.join('.'),
    ...checksumsOf(fn, script),
  });
}

/** Whether the module can be loaded again by its URL: there are no files behind `[eval1]` and a bundler's inventions. */
function isImportable(url: string): boolean {
  if (url.startsWith('data:')) return true;
  const path = filePathOf(url);
  return path !== undefined && existsSync(path);
}

function findInModule(fn: object, inspected: InspectedFunction): readonly string[] | undefined {
  const { script, scopes } = inspected;
  // A module without variables that functions use has no scope of its own.
  const variables = scopes.find(({ kind }) => kind === 'Module')?.variables ?? {};
  if (!isCodeKnown(script) && isPrivate(fn, scopes, variables)) return undefined;
  const declared = codeOf(script)?.declarations;
  if (declared === undefined) return undefined;
  const exported = Array.from(declared.exports, ([name, local]) => [name, read(variables, local)] as const);
  return (
    findAmong(fn, exported) ??
    (declared.defaultExport && findInExpression(declared.defaultExport, inspected, ['default']))
  );
}

/** A function made inside another, and held by no variable of the module. The module does not export it. */
function isPrivate(
  fn: object,
  scopes: readonly Scope[],
  variables: Readonly<Record<string, unknown>>,
): boolean {
  if (!scopes.some(({ kind }) => kind === 'Closure')) return false;
  return findAmong(fn, valuesOf(variables)) === undefined;
}

function valuesOf(variables: Readonly<Record<string, unknown>>): [name: string, value: unknown][] {
  return Object.keys(variables).map(name => [name, read(variables, name)]);
}

function findInCommonJs(fn: object, script: Script): readonly string[] | undefined {
  const loaded = script.url.startsWith('file:') ? require.cache[fileURLToPath(script.url)] : undefined;
  if (loaded === undefined) return undefined;
  const exports: unknown = loaded.exports;
  if (exports === fn) return ['default'];
  const looked = { objects: new Set<object>(), properties: 0 };
  return findTranspiled(fn, exports) ?? findAmong(fn, membersOf(exports, looked), looked);
}

/** Of a module that was ESM once, exports are behind accessors the transpiler made, which may be read. */
function findTranspiled(fn: object, exports: unknown): readonly string[] | undefined {
  if (typeof exports !== 'object' || exports === null || !Object.hasOwn(exports, '__esModule'))
    return undefined;
  return findAmong(fn, valuesOf(exports as Record<string, unknown>));
}

/** What a search has seen: objects, and how many of their properties. */
interface Looked {
  readonly objects: Set<object>;
  properties: number;
}

/** The path to `fn`: one of the values, or else below one, among the properties of plain objects and classes. */
function findAmong(
  fn: object,
  values: readonly (readonly [name: string, value: unknown])[],
  looked: Looked = { objects: new Set(), properties: 0 },
  path: readonly string[] = [],
): readonly string[] | undefined {
  // A dotted path cannot hold such a name.
  const named = values.filter(([name]) => name !== '' && !name.includes('.'));
  for (const [name, value] of named) if (value === fn) return [...path, name];
  if (path.length + 1 >= DEEPEST_PATH) return undefined;
  for (const [name, value] of named) {
    const found = findAmong(fn, membersOf(value, looked), looked, [...path, name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** Data properties; no code of the holder runs. None of what was seen before, or is too large to be looked into. */
function membersOf(holder: unknown, looked: Looked): [name: string, value: unknown][] {
  const { objects, properties } = looked;
  if (!isSearchable(holder) || objects.has(holder) || properties > MOST_LOOKS || tables.has(holder))
    return [];
  objects.add(holder);
  const names = Object.getOwnPropertyNames(holder);
  if (names.length > MOST_PROPERTIES) {
    tables.add(holder);
    return [];
  }
  looked.properties += names.length;
  return names.flatMap((name): [string, unknown][] => {
    if (name === 'prototype') return [];
    const property = Object.getOwnPropertyDescriptor(holder, name);
    return property !== undefined && 'value' in property ? [[name, property.value]] : [];
  });
}

function isSearchable(value: unknown): value is object {
  if (types.isProxy(value)) return false;
  if (typeof value === 'function') return true;
  if (typeof value !== 'object' || value === null) return false;
  // An instance of a class has a state, which a later process's instance has not.
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}

/** The path to the function at a position in an expression that no variable holds: `export default { drop() {} }`. */
function findInExpression(
  node: Estree.Node,
  position: InspectedFunction,
  path: readonly string[],
): readonly string[] | undefined {
  switch (node.type) {
    case 'FunctionDeclaration':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return startsAt(node, position) ? path : undefined;
    case 'ObjectExpression':
    case 'ClassDeclaration':
    case 'ClassExpression': {
      if (path.length >= DEEPEST_PATH) return undefined;
      for (const member of node.type === 'ObjectExpression' ? node.properties : node.body.body) {
        if (!('key' in member) || member.computed || member.key.type !== 'Identifier' || !member.value)
          continue;
        if (member.type !== 'Property' && !member.static) continue;
        if ('kind' in member && (member.kind === 'get' || member.kind === 'set')) continue;
        const found = findInExpression(member.value as Estree.Node, position, [...path, member.key.name]);
        if (found !== undefined) return found;
      }
      return undefined;
    }
    default:
      return undefined;
  }
}

/**
 * V8 gives the position of the parameter list; a function among the default values of parameters comes after it, and one
 * that is the whole body (`() => () => {}`) begins where the body does.
 */
function startsAt(node: Estree.Function, { line, column }: InspectedFunction): boolean {
  const [parameter] = node.params;
  const end = (parameter ?? node.body)?.loc?.start;
  const start = node.loc?.start;
  if (start === undefined || end === undefined) return false;
  // Without parentheses, `x => x`, the list is its only parameter.
  const last = { line: end.line, column: parameter === undefined ? end.column : end.column + 1 };
  return contains({ start, end: last }, line + 1, column);
}
