import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { restore } from '../cbor/restore.ts';
import { DeferredSweepError } from '../errors.ts';
import { type CompiledText, compileText, type StoredFunction } from './compile.ts';
import type { Closure, Reference, SourceDescriptor, SourceText } from './descriptor.ts';
import { importFrom } from './import-from.ts';
import { importExport } from './module-reference.ts';

/** The function a descriptor holds, its captured variables restored. */
export async function restoreSource(descriptor: SourceDescriptor): Promise<StoredFunction> {
  const { closure } = descriptor;
  if (closure === undefined) return compileText(descriptor, new Map()).function;
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
 * 2. captured values, which may contain functions; classes among them come into being there, before variables have values;
 * 3. all other classes, each after the classes it needs, with all variables in place.
 */
class Restoration {
  readonly #descriptor: SourceDescriptor;
  readonly #closure: Closure;
  /** What each of the closure's references is. */
  readonly #referents: unknown[];
  /** Row of its values → text; the first is the stored function itself. */
  readonly #texts: ReadonlyMap<number, SourceText>;
  readonly #compiled = new Map<SourceText, CompiledText>();
  readonly #begun = new Set<SourceText>();
  #rows: readonly unknown[] | undefined;

  constructor(descriptor: SourceDescriptor, closure: Closure, referents: unknown[]) {
    this.#descriptor = descriptor;
    this.#closure = closure;
    this.#referents = referents;
    const all = [descriptor, ...closure.references].entries();
    this.#texts = new Map(
      [...all].filter((entry): entry is [number, SourceDescriptor] => entry[1].kind === 'source'),
    );
  }

  restore(): StoredFunction {
    for (const [row, text] of this.#texts) if (text.atCreation.length === 0) this.#compile(row, text);
    for (const text of this.#compiled.keys()) this.#assignLinks(text);
    this.#rows = this.#restoreValues();
    for (const [row, text] of this.#texts) if (this.#compiled.has(text)) this.#assignValues(row, text);
    for (const [row, text] of this.#texts) this.#create(row, text);
    return this.#compiled.get(this.#descriptor)!.function;
  }

  /** Makes a class, after the classes that what it calls when it comes into being may need. */
  #create(row: number, text: SourceText): void {
    // Begun but not made: a circle of classes that need each other, of which one has to be first.
    if (this.#compiled.has(text) || this.#begun.has(text)) return;
    this.#begun.add(text);
    for (const name of text.atCreation) {
      if (name in text.links) this.#prepare(text.links[name]!, new Set());
      else if (!text.variables.includes(name)) throw corrupt(`it needs ${name}, which is not stored`);
    }
    this.#compile(row, text);
    for (const other of this.#compiled.keys()) {
      if (Object.values(other.links).includes(row - 1)) this.#assignLinks(other);
    }
    this.#assignLinks(text);
    if (this.#rows !== undefined) this.#assignValues(row, text);
  }

  /** Makes the classes among what can be reached from a reference. */
  #prepare(index: number, seen: Set<number>): void {
    if (seen.has(index)) return;
    seen.add(index);
    const text = this.#texts.get(index + 1);
    if (text === undefined) return;
    this.#create(index + 1, text);
    for (const next of Object.values(text.links)) this.#prepare(next, seen);
  }

  #compile(row: number, text: SourceText): void {
    const atCreation = new Map<string, unknown>();
    const values = this.#valuesOf(row);
    for (const [index, name] of text.variables.entries()) atCreation.set(name, values?.[index]);
    for (const [name, index] of Object.entries(text.links)) atCreation.set(name, this.#referents[index]);
    const compiled = compileText(text, atCreation);
    this.#compiled.set(text, compiled);
    if (row === 0) return;
    this.#referents[row - 1] = compiled.function;
    if ('name' in text)
      Object.defineProperty(compiled.function, 'name', { value: text.name, configurable: true });
  }

  #assignLinks(text: SourceText): void {
    const { links } = text;
    this.#compiled.get(text)!.assignLinks(Object.values(links).map(index => this.#referents[index]));
  }

  #assignValues(row: number, text: SourceText): void {
    const values = this.#valuesOf(row);
    if (values === undefined) throw corrupt(`row ${row} of its captured values is missing`);
    const target = this.#compiled.get(text)!;
    target.assignVariables(text.variables.map((_, index) => values[index]));
    for (const [index, name] of text.properties.entries()) {
      const value = values[text.variables.length + index];
      Object.defineProperty(target.function, name, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }

  #valuesOf(row: number): readonly unknown[] | undefined {
    const values = this.#rows?.[row];
    return Array.isArray(values) ? values : undefined;
  }

  #restoreValues(): readonly unknown[] {
    const rows = restore(this.#closure.values, {
      decodeFunction: tree => {
        if (typeof tree !== 'number' || !(tree in this.#referents))
          throw corrupt(`its values refer to function ${String(tree)}`);
        const text = this.#texts.get(tree + 1);
        if (text !== undefined) this.#create(tree + 1, text);
        return this.#referents[tree];
      },
    });
    if (!Array.isArray(rows)) throw corrupt('its captured values are no array');
    return rows;
  }
}

function corrupt(why: string): DeferredSweepError {
  return new DeferredSweepError('DEFERRED_STATE_CORRUPT', `cannot restore a stored function: ${why}`);
}
