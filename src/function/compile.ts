import { compileFunction, constants } from 'node:vm';
import type { SourceText } from './descriptor.ts';
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

// Makes `import()` in the compiled code go through the loaders of this program, with `filename` as the parent.
const importModuleDynamically = constants.USE_MAIN_CONTEXT_DEFAULT_LOADER;

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

/** The namespace of a module whose specifier was written in the file `from`. */
export async function importFrom(specifier: string, from: string): Promise<unknown> {
  absorbExperimentalWarning();
  const importer = compileFunction('return import(specifier)', ['specifier'], {
    filename: siblingOf(from),
    importModuleDynamically,
  }) as (specifier: string) => Promise<unknown>;
  return await importer(specifier);
}

/**
 * A name in the same directory, with the same extension, that is not the file itself: specifiers resolve alike, but
 * coverage tools and debuggers do not take the few lines compiled here for the file.
 */
function siblingOf(url: string | undefined): string {
  if (url === undefined) return '[deferred]';
  if (!url.startsWith('file:')) return url;
  const path = url.replace(/[?#].*$/, '');
  const name = path.lastIndexOf('/') + 1;
  return `${path.slice(0, name)}[deferred]${path.slice(name)}`;
}

function unusedName(names: readonly string[]): string {
  let name = 'values';
  while (names.includes(name)) name += '_';
  return name;
}

let isWarningAbsorbed = false;

/**
 * Node warns once per thread, at the first `import()` of code compiled like this, that it is an experimental feature:
 * ours, not the user's, who can do nothing about it. It does so while `import()` is called, so that first call is made
 * here, with this one warning held back for exactly its duration.
 */
function absorbExperimentalWarning(): void {
  if (isWarningAbsorbed) return;
  isWarningAbsorbed = true;
  const firstImport = compileFunction('return import("node:process")', [], { importModuleDynamically });
  const { emitWarning } = process;
  process.emitWarning = (...args: unknown[]) => {
    if (args[1] !== 'ExperimentalWarning') Reflect.apply(emitWarning, process, args);
  };
  try {
    void firstImport();
  } finally {
    process.emitWarning = emitWarning;
  }
}
