import type { Callable, SourceText } from '../descriptor.ts';
import { compileAt } from '../module/import-from.ts';
import { provide } from './ambient-bindings.ts';

/** A function compiled again from its text, its variables still without values. */
export interface CompiledText {
  readonly function: Callable;
  /** Gives captured variables their values, in the order of `variables`, then of `links`. */
  assign(values: readonly unknown[]): void;
}

/** Columns are kept for stack traces up to here; in minified files, with all on one line, they say little. */
const LARGEST_COLUMN = 300;

/**
 * Compiles the text of a stored function. Nothing of it is run, but for the static block by which a bundler keeps the name of
 * a class: that calls one of `links`.
 */
export function compileText(text: SourceText, links: readonly unknown[] = []): CompiledText {
  const captured = [...text.variables, ...Object.keys(text.links)];
  const parameters = [...captured, ...text.provided];
  const value = unusedName(parameters);
  const assignment = captured.length === 0 ? '' : `[${captured.join(', ')}] = ${value};`;
  const padding = ' '.repeat((text.column ?? 0) <= LARGEST_COLUMN ? (text.column ?? 0) : 0);
  // On a line of its own and indented as written, so that positions in stack traces are those of the file.
  const body =
    `${text.strict ? '"use strict"; ' : ''}return [\n${padding}${text.source}, ` +
    `${value} => { ${assignment} }]`;
  const instantiate = compileAt(text.url, body, parameters, (text.line ?? 0) - 1) as (
    ...values: unknown[]
  ) => [Callable, CompiledText['assign']];
  const [compiled, assign] = instantiate(
    ...text.variables.map(() => undefined),
    ...links,
    ...text.provided.map(name => provide(name, text.url)),
  );
  return { function: compiled, assign };
}

function unusedName(names: readonly string[]): string {
  let name = 'value';
  while (names.includes(name)) name += '_';
  return name;
}
