import { compileFunction } from 'node:vm';
import type { SourceText } from './descriptor.ts';
import { absorbExperimentalWarning, importModuleDynamically, siblingOf } from './import-from.ts';
import { provide } from './provided.ts';

/** A function compiled again from its text, its variables still without values. */
export interface CompiledText {
  readonly function: StoredFunction;
  /** Gives the captured variables their values; `values` and `links` in the order of their names in the text. */
  assign(values: readonly unknown[], links: readonly unknown[]): void;
}

/** Any function or class; which arguments it takes is not known here. */
export type StoredFunction = (...args: never[]) => unknown;

/** Columns are kept for stack traces up to here; in minified files, with all on one line, they say little. */
const LARGEST_COLUMN = 300;

/**
 * Compiles the text of a stored function. Nothing of it is run, but for what a class runs when it comes into being;
 * the links that takes are given in `creationLinks`.
 */
export function compileText(text: SourceText, creationLinks: ReadonlyMap<string, unknown>): CompiledText {
  if (/\bimport\b/.test(text.source)) absorbExperimentalWarning();
  const linked = Object.keys(text.links);
  const captured = [...text.variables, ...linked];
  const parameters = [...captured, ...text.provided];
  const setter = unusedName(parameters);
  const assignment = captured.length === 0 ? '' : `[${captured.join(', ')}] = ${setter};`;
  const padding = ' '.repeat((text.column ?? 0) <= LARGEST_COLUMN ? (text.column ?? 0) : 0);
  // On a line of its own and indented as written, so that positions in stack traces are those of the file.
  const body = `${text.strict ? '"use strict"; ' : ''}return [\n${padding}${text.source}, ${setter} => { ${assignment} }]`;
  const instantiate = compileFunction(body, parameters, {
    filename: siblingOf(text.url),
    lineOffset: (text.line ?? 0) - 1,
    importModuleDynamically,
  }) as (...values: unknown[]) => [StoredFunction, (values: unknown[]) => void];
  const [compiled, assign] = instantiate(
    ...captured.map(name => creationLinks.get(name)),
    ...text.provided.map(name => provide(name, text.url)),
  );
  return { function: compiled, assign: (values, links) => assign([...values, ...links]) };
}

function unusedName(names: readonly string[]): string {
  let name = 'values';
  while (names.includes(name)) name += '_';
  return name;
}
