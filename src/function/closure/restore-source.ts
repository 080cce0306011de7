import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { DeferredSweepError } from '../../errors.ts';
import { restore } from '../../value/decode.ts';
import type { Callable, Closure, Reference, SourceDescriptor, SourceText } from '../descriptor.ts';
import { compileAt, importFrom } from '../module/import-from.ts';
import { importExport } from '../module/module-reference.ts';
import { provide } from './ambient-bindings.ts';

type RestoredCall = readonly [fn: Callable, args: unknown];

export async function restoreSource(
  descriptor: SourceDescriptor,
  encodedArguments: Uint8Array,
): Promise<RestoredCall> {
  const { closure } = descriptor;
  if (closure === undefined) return [compileText(descriptor, []).function, restore(encodedArguments)];
  return restoreClosure(descriptor, closure, await Promise.all(closure.references.map(importReference)));
}

async function importReference(reference: Reference): Promise<unknown> {
  switch (reference.kind) {
    case 'module':
      return await importExport(reference);
    case 'namespace':
      return reference.from === undefined
        ? await import(reference.module)
        : await importFrom(reference.module, reference.from);
    case 'commonjs':
      return createRequire(reference.module)(fileURLToPath(reference.module));
    case 'source':
      return undefined;
  }
}

/**
 * Brings a function and those it captured into being, in circles where they refer to each other in circles:
 * 1. functions, which run nothing when they come into being and so may find their variables empty;
 * 2. classes, whose static blocks may call a function;
 * 3. captured values, which may contain both.
 * @param referents - what each reference is; those with a text are still to come
 */
function restoreClosure(
  descriptor: SourceDescriptor,
  { references, values }: Closure,
  referents: unknown[],
): RestoredCall {
  // By the row of their values. The first is the stored function itself.
  const compiled = new Map<number, CompiledText>();
  const compileAll = (areClasses: boolean): void => {
    for (const [row, text] of [descriptor, ...references].entries()) {
      if (text.kind !== 'source' || /^\(class\b/.test(text.source) !== areClasses) continue;
      const made = compileText(text, referents);
      compiled.set(row, made);
      if (row === 0) continue;
      referents[row - 1] = made.function;
      if ('name' in text)
        Object.defineProperty(made.function, 'name', { value: text.name, configurable: true });
    }
  };
  compileAll(false);
  for (const { assign } of compiled.values()) assign([]);
  compileAll(true);
  const [args, ...rows] = restoreValues(values, referents);
  for (const [row, { assign }] of compiled) {
    const own = rows[row];
    if (!Array.isArray(own)) throw corrupt(`row ${row} of its captured values is missing`);
    assign(own);
  }
  return [compiled.get(0)!.function, args];
}

function restoreValues(values: Uint8Array, referents: readonly unknown[]): readonly unknown[] {
  const rows = restore(values, tree => {
    if (typeof tree !== 'number' || !(tree in referents))
      throw corrupt(`its values refer to function ${String(tree)}`);
    return referents[tree];
  });
  if (!Array.isArray(rows)) throw corrupt('its captured values are no array');
  return rows;
}

function corrupt(why: string): DeferredSweepError {
  return new DeferredSweepError('DEFERRED_STATE_CORRUPT', `cannot restore a stored function: ${why}`);
}

/** A function compiled again from its text, its variables still without values. */
interface CompiledText {
  readonly function: Callable;
  /** Gives captured variables their values, and those that are links what the referents are now. */
  assign(values: readonly unknown[]): void;
}

/** Columns are kept for stack traces up to here; in minified files, with all on one line, they say little. */
const LARGEST_COLUMN = 300;

/** Runs nothing of the text but the static block by which a bundler keeps the name of a class: that calls one of its links. */
function compileText(text: SourceText, referents: readonly unknown[]): CompiledText {
  const { variables, provided, url, line = 0, column = 0 } = text;
  const captured = [...variables, ...Object.keys(text.links)];
  const withLinks = (values: readonly unknown[]): unknown[] => [
    ...variables.map((_, index) => values[index]),
    ...Object.values(text.links).map(index => referents[index]),
  ];
  const parameters = [...captured, ...provided];
  const value = unusedName(parameters);
  const assignment = captured.length === 0 ? '' : `[${captured.join(', ')}] = ${value};`;
  const padding = ' '.repeat(column <= LARGEST_COLUMN ? column : 0);
  // On a line of its own and indented as written, so that positions in stack traces are those of the file.
  const body =
    `${text.strict ? '"use strict"; ' : ''}return [\n${padding}${text.source}, ` +
    `${value} => { ${assignment} }]`;
  const instantiate = compileAt(url, body, parameters, line - 1) as (
    ...values: unknown[]
  ) => [Callable, CompiledText['assign']];
  const [compiled, assign] = instantiate(...withLinks([]), ...provided.map(name => provide(name, url)));
  return { function: compiled, assign: values => assign(withLinks(values)) };
}

function unusedName(names: readonly string[]): string {
  let name = 'value';
  while (names.includes(name)) name += '_';
  return name;
}
