import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { DeferredSweepError } from '../../errors.ts';
import { restore } from '../../value/decode.ts';
import type { Callable, Closure, Reference, SourceDescriptor, SourceText } from '../descriptor.ts';
import { importFrom } from '../module/import-from.ts';
import { importExport } from '../module/module-reference.ts';
import { type CompiledText, compileText } from './compile.ts';

/** A stored call, to be made. */
export interface RestoredCall {
  readonly function: Callable;
  readonly args: unknown;
}

/** The call of a function that a descriptor holds, its captured variables restored. */
export async function restoreSource(
  descriptor: SourceDescriptor,
  encodedArguments: Uint8Array,
): Promise<RestoredCall> {
  const { closure } = descriptor;
  if (closure === undefined)
    return { function: compileText(descriptor).function, args: restore(encodedArguments) };
  const referents = await Promise.all(closure.references.map(importReference));
  return new Restoration(descriptor, closure, referents).restore();
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
 */
class Restoration {
  readonly #closure: Closure;
  /** What each of the closure's references is. */
  readonly #referents: unknown[];
  /** Row of its values → text; the first is the stored function itself. */
  readonly #texts: ReadonlyMap<number, SourceText>;
  readonly #compiled = new Map<number, CompiledText>();

  constructor(descriptor: SourceDescriptor, closure: Closure, referents: unknown[]) {
    this.#closure = closure;
    this.#referents = referents;
    const all = [descriptor, ...closure.references].entries();
    this.#texts = new Map(
      [...all].filter((entry): entry is [number, SourceDescriptor] => entry[1].kind === 'source'),
    );
  }

  restore(): RestoredCall {
    const isClass = ({ source }: SourceText) => /^\(class\b/.test(source);
    for (const [row, text] of this.#texts) if (!isClass(text)) this.#compile(row, text);
    for (const row of this.#compiled.keys()) this.#assign(row, []);
    for (const [row, text] of this.#texts) if (isClass(text)) this.#compile(row, text);
    const [args, ...rows] = this.#restoreValues();
    for (const row of this.#texts.keys()) {
      const values = rows[row];
      if (!Array.isArray(values)) throw corrupt(`row ${row} of its captured values is missing`);
      this.#assign(row, values);
    }
    return { function: this.#compiled.get(0)!.function, args };
  }

  #compile(row: number, text: SourceText): void {
    const compiled = compileText(text, this.#linksOf(text));
    this.#compiled.set(row, compiled);
    if (row === 0) return;
    this.#referents[row - 1] = compiled.function;
    if ('name' in text)
      Object.defineProperty(compiled.function, 'name', { value: text.name, configurable: true });
  }

  #linksOf({ links }: SourceText): unknown[] {
    return Object.values(links).map(index => this.#referents[index]);
  }

  #assign(row: number, values: readonly unknown[]): void {
    const text = this.#texts.get(row)!;
    const captured = text.variables.map((_, index) => values[index]);
    this.#compiled.get(row)!.assign([...captured, ...this.#linksOf(text)]);
  }

  #restoreValues(): readonly unknown[] {
    const rows = restore(this.#closure.values, tree => {
      if (typeof tree !== 'number' || !(tree in this.#referents))
        throw corrupt(`its values refer to function ${String(tree)}`);
      return this.#referents[tree];
    });
    if (!Array.isArray(rows)) throw corrupt('its captured values are no array');
    return rows;
  }
}

function corrupt(why: string): DeferredSweepError {
  return new DeferredSweepError('DEFERRED_STATE_CORRUPT', `cannot restore a stored function: ${why}`);
}
