/**
 * Finding the export that a function is, without importing anything: a module that is still being evaluated would wait
 * for itself, one loaded under a `?query` would be evaluated a second time. For an ES module the export declarations are
 * read from the text V8 compiled, and the variables behind them, live, from the scope every function of the module sees;
 * of a CommonJS module the exports are in `require.cache`.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type * as Estree from 'estree';
import type { ModuleDescriptor } from '../descriptor.ts';
import { type InspectedFunction, read, type Script } from '../inspector/inspector.ts';
import { codeOf, isCodeKnown } from '../source-code/script-code.ts';
import { contains } from '../source-code/syntax-tree.ts';
import { isMadeByHook } from './hook-made.ts';
import { isProgram, restartsProgram } from './programs.ts';
import { traitsOf } from './same-function.ts';
import { filePathOf } from './script-url.ts';
import { DEEPEST_PATH, isTranspiled, type Named, ValueSearch } from './search-values.ts';

const require = createRequire(import.meta.url);

/** The export that `fn` is; undefined for a function that is none, and for those of a module that restarts the program. */
export function findExport(fn: object, inspected: InspectedFunction): ModuleDescriptor | undefined {
  const { script } = inspected;
  // There are no files behind `[eval1]` and a bundler's inventions.
  const isThere = script.url.startsWith('data:') || existsSync(filePathOf(script.url) ?? '');
  if (!isThere || isProgram(script.url)) return undefined;
  const path = script.isModule ? findInModule(fn, inspected) : findInCommonJs(fn, inspected);
  if (path === undefined || restartsProgram(script) || isMadeByHook(script)) return undefined;
  // A program may put another function there, and a module may choose by what is different in another process.
  return Object.freeze({
    kind: 'module',
    module: script.url,
    export: path.join('.'),
    ...traitsOf(fn, script),
  });
}

/** Whether more than one object among the exports has `fn`: which of them its `this` is to be, a reference cannot say. */
export function hasSeveralHolders(fn: object, inspected: InspectedFunction): boolean {
  const search = new ValueSearch();
  const { isModule } = inspected.script;
  const exports = isModule ? exportsOf(inspected) : exportsOfCommonJs(inspected.script, search);
  return search.isHeldBySeveral(fn, exports);
}

function findInModule(fn: object, inspected: InspectedFunction): readonly string[] | undefined {
  const { script, scopes } = inspected;
  // Not to parse the file for it: one made inside another function, which no variable of the module leads to, is no export.
  const isMadeInside = !isCodeKnown(script) && scopes.some(({ kind }) => kind === 'Closure');
  if (isMadeInside && new ValueSearch().find(fn, valuesOf(variablesOf(inspected))) === undefined)
    return undefined;
  const { exports, defaultExport } = codeOf(script)?.declarations ?? {};
  // `import()` takes a module with such an export for a promise: it calls that, and gives something else than the module.
  if (exports?.has('then')) return undefined;
  return (
    new ValueSearch().find(fn, exportsOf(inspected)) ??
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

function valuesOf(variables: Readonly<Record<string, unknown>>): Named[] {
  return Object.keys(variables).map(name => [name, read(variables, name)]);
}

function findInCommonJs(fn: object, { script }: InspectedFunction): readonly string[] | undefined {
  if (loadedCommonJs(script)?.exports === fn) return ['default'];
  const search = new ValueSearch();
  return search.find(fn, exportsOfCommonJs(script, search));
}

/** What a loaded CommonJS module exports. Of one that was ESM once, accessors that the transpiler made may be read. */
export function exportsOfCommonJs(script: Script, search: ValueSearch = new ValueSearch()): readonly Named[] {
  const exports: unknown = loadedCommonJs(script)?.exports;
  return [...(isTranspiled(exports) ? valuesOf(exports) : []), ...search.membersOf(exports)];
}

function loadedCommonJs({ url }: Script): NodeJS.Module | undefined {
  return require.cache[filePathOf(url) ?? ''];
}

/** The path to the function at a position in an expression that no variable holds: `export default { drop() {} }`. */
function findInExpression(
  node: Estree.Node,
  position: InspectedFunction,
  path: readonly string[],
): readonly string[] | undefined {
  if (/Function/.test(node.type)) return startsAt(node as Estree.Function, position) ? path : undefined;
  const isClass = node.type === 'ClassDeclaration' || node.type === 'ClassExpression';
  const ofClass = isClass ? node.body.body.filter(member => 'static' in member && member.static) : [];
  const members = node.type === 'ObjectExpression' ? node.properties : ofClass;
  for (const member of path.length < DEEPEST_PATH ? members : []) {
    if (!('key' in member) || member.computed || member.key.type !== 'Identifier' || !member.value) continue;
    if ('kind' in member && /^[gs]et$/.test(member.kind)) continue;
    const found = findInExpression(member.value as Estree.Node, position, [...path, member.key.name]);
    if (found !== undefined) return found;
  }
  return undefined;
}

/**
 * V8 gives the position of the parameter list; a function among the default values of parameters comes after it, and one
 * that is the whole body (`() => () => {}`) begins where the body does.
 */
function startsAt(node: Estree.Function, { line, column }: InspectedFunction): boolean {
  const [parameter] = node.params;
  const { start } = node.loc!;
  const end = (parameter ?? node.body).loc!.start;
  // Without parentheses, `x => x`, the list is its only parameter.
  const last = { line: end.line, column: parameter === undefined ? end.column : end.column + 1 };
  return contains({ start, end: last }, line + 1, column);
}
