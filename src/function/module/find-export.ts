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
import { traitsOf } from './same-function.ts';
import { filePathOf } from './script-url.ts';
import {
  DEEPEST_PATH,
  findAmong,
  isHeldBySeveral,
  membersOf,
  type Named,
  newSearch,
  type Search,
} from './search-values.ts';

const require = createRequire(import.meta.url);

/** The export that `fn` is; undefined for a function that is none, and for those of a module that restarts the program. */
export function findExport(fn: object, inspected: InspectedFunction): ModuleDescriptor | undefined {
  const { script } = inspected;
  if (!isImportable(script.url) || isProgram(script.url)) return undefined;
  const path = script.isModule ? findInModule(fn, inspected) : findInCommonJs(fn, script);
  if (path === undefined || restartsProgram(script)) return undefined;
  if (isMadeByHook(script)) return undefined;
  // A program may put another function there, and a module may choose by what is different in another process.
  return Object.freeze({
    kind: 'module',
    module: script.url,
    export: path.join('.'),
    ...traitsOf(fn, script),
  });
}

/** Whether the module can be loaded again by its URL: there are no files behind `[eval1]` and a bundler's inventions. */
function isImportable(url: string): boolean {
  if (url.startsWith('data:')) return true;
  const path = filePathOf(url);
  return path !== undefined && existsSync(path);
}

/** Whether more than one object among the exports has `fn`: which of them its `this` is to be, a reference cannot say. */
export function hasSeveralHolders(fn: object, inspected: InspectedFunction): boolean {
  const { script } = inspected;
  const search = newSearch();
  const values = script.isModule ? exportsOf(inspected) : valuesOfCommonJs(script, search);
  return isHeldBySeveral(fn, values, search);
}

function findInModule(fn: object, inspected: InspectedFunction): readonly string[] | undefined {
  const { script, scopes } = inspected;
  if (!isCodeKnown(script) && isPrivate(fn, scopes, variablesOf(inspected))) return undefined;
  const { exports, defaultExport } = codeOf(script)?.declarations ?? {};
  // `import()` takes a module with such an export for a promise: it calls that, and gives something else than the module.
  if (exports?.has('then')) return undefined;
  return (
    findAmong(fn, exportsOf(inspected)) ??
    (defaultExport && findInExpression(defaultExport, inspected, ['default']))
  );
}

/** A module without variables that functions use has no scope of its own. */
function variablesOf({ scopes }: InspectedFunction): Readonly<Record<string, unknown>> {
  return scopes.find(({ kind }) => kind === 'Module')?.variables ?? {};
}

function exportsOf(inspected: InspectedFunction): Named[] {
  const variables = variablesOf(inspected);
  const declared = codeOf(inspected.script)?.declarations?.exports ?? [];
  return Array.from(declared, ([name, local]) => [name, read(variables, local)]);
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

function valuesOf(variables: Readonly<Record<string, unknown>>): Named[] {
  return Object.keys(variables).map(name => [name, read(variables, name)]);
}

function findInCommonJs(fn: object, script: Script): readonly string[] | undefined {
  if (loadedCommonJs(script)?.exports === fn) return ['default'];
  const search = newSearch();
  return findAmong(fn, valuesOfCommonJs(script, search), search);
}

/** Of a module that was ESM once, exports are behind accessors the transpiler made, which may be read. */
function valuesOfCommonJs(script: Script, search: Search): Named[] {
  const exports: unknown = loadedCommonJs(script)?.exports;
  const isTranspiled =
    typeof exports === 'object' &&
    exports !== null &&
    !types.isProxy(exports) &&
    Object.hasOwn(exports, '__esModule');
  return [
    ...(isTranspiled ? valuesOf(exports as Record<string, unknown>) : []),
    ...membersOf(exports, search),
  ];
}

/** What a loaded CommonJS module exports, by name. */
export function exportsOfCommonJs(script: Script): readonly Named[] {
  return valuesOfCommonJs(script, newSearch());
}

function loadedCommonJs({ url }: Script): NodeJS.Module | undefined {
  return url.startsWith('file:') ? require.cache[fileURLToPath(url)] : undefined;
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
