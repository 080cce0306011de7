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
  const { script, scopes } = inspected;
  if (!isImportable(script.url) || isProgram(script.url)) return undefined;
  const path = script.isModule ? findInModule(fn, inspected, scopes) : findInCommonJs(fn, script);
  if (path === undefined || restartsProgram(script.url, () => codeOf(script)?.topLevel)) return undefined;
  if (isMadeByHook(script)) return undefined;
  const isReplaceable = path.length > 1 || !script.isModule;
  const checksums = isReplaceable ? checksumsOf(fn, script) : {};
  return Object.freeze({ kind: 'module', module: script.url, export: path.join('.'), ...checksums });
}

/** Whether the module can be loaded again by its URL: there are no files behind `[eval1]` and a bundler's inventions. */
function isImportable(url: string): boolean {
  if (url.startsWith('data:')) return true;
  const path = filePathOf(url);
  return path !== undefined && existsSync(path);
}

function findInModule(
  fn: object,
  position: InspectedFunction,
  scopes: readonly Scope[],
): readonly string[] | undefined {
  // A module without variables that functions use has no scope of its own.
  const variables = scopes.find(({ kind }) => kind === 'Module')?.variables ?? {};
  if (!isCodeKnown(position.script) && isPrivate(fn, scopes, variables)) return undefined;
  const declared = codeOf(position.script)?.declarations;
  if (declared === undefined) return undefined;
  const exported = Array.from(declared.exports, ([name, local]) => [name, read(variables, local)] as const);
  return (
    findAmong(fn, exported) ??
    (declared.defaultExport && findInExpression(declared.defaultExport, position, ['default']))
  );
}

/** A function made inside another, and held by no variable of the module. The module does not export it. */
function isPrivate(
  fn: object,
  scopes: readonly Scope[],
  variables: Readonly<Record<string, unknown>>,
): boolean {
  if (!scopes.some(({ kind }) => kind === 'Closure')) return false;
  const held = Object.keys(variables).map(name => [name, read(variables, name)] as const);
  return findAmong(fn, held) === undefined;
}

function findInCommonJs(fn: object, script: Script): readonly string[] | undefined {
  const loaded = script.url.startsWith('file:') ? require.cache[fileURLToPath(script.url)] : undefined;
  if (loaded === undefined) return undefined;
  const exports: unknown = loaded.exports;
  if (exports === fn) return ['default'];
  return findTranspiled(fn, exports) ?? new PropertySearch(fn).in(exports, []);
}

/** Of a module that was ESM once, exports are behind accessors the transpiler made, which may be read. */
function findTranspiled(fn: object, exports: unknown): readonly string[] | undefined {
  if (typeof exports !== 'object' || exports === null || !Object.hasOwn(exports, '__esModule'))
    return undefined;
  const variables = exports as Record<string, unknown>;
  return findAmong(
    fn,
    Object.keys(exports).map(name => [name, read(variables, name)] as const),
  );
}

/** The path to `fn`: one of the values, or else below one. */
function findAmong(
  fn: object,
  values: readonly (readonly [name: string, value: unknown])[],
): readonly string[] | undefined {
  for (const [name, value] of values) if (value === fn) return [name];
  const search = new PropertySearch(fn);
  for (const [name, value] of values) {
    const path = search.in(value, [name]);
    if (path !== undefined) return path;
  }
  return undefined;
}

/** Looks for a function among the properties of plain objects and classes, running no code of theirs. */
class PropertySearch {
  readonly #wanted: object;
  readonly #seen = new Set<object>();
  #looks = 0;

  constructor(wanted: object) {
    this.#wanted = wanted;
  }

  in(holder: unknown, path: readonly string[]): readonly string[] | undefined {
    if (!isSearchable(holder) || this.#seen.has(holder) || this.#looks > MOST_LOOKS || tables.has(holder))
      return undefined;
    this.#seen.add(holder);
    const members: [string, unknown][] = [];
    const names = Object.getOwnPropertyNames(holder);
    if (names.length > MOST_PROPERTIES) {
      tables.add(holder);
      return undefined;
    }
    for (const name of names) {
      this.#looks++;
      if (name === 'prototype' || name === '' || name.includes('.')) continue;
      const property = Object.getOwnPropertyDescriptor(holder, name);
      if (property === undefined || !('value' in property)) continue;
      if (property.value === this.#wanted) return [...path, name];
      members.push([name, property.value]);
    }
    if (path.length + 1 >= DEEPEST_PATH) return undefined;
    for (const [name, member] of members) {
      const found = this.in(member, [...path, name]);
      if (found !== undefined) return found;
    }
    return undefined;
  }
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
