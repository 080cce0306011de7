import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { restore } from '../cbor/restore.ts';
import { DeferredSweepError } from '../errors.ts';
import { type CompiledText, compileText, type StoredFunction } from './compile.ts';
import type { Closure, Reference, SourceDescriptor, SourceReference, SourceText } from './descriptor.ts';
import { importFrom } from './import-from.ts';
import { importExport } from './module-reference.ts';

/**
 * The function a descriptor holds, its captured variables restored:
 * 1. modules it refers to are imported; 2. all functions are compiled, with variables still empty, so that functions may
 * refer to each other in circles; 3. values are restored, which may contain those functions; 4. variables get them.
 */
export async function restoreSource(descriptor: SourceDescriptor): Promise<StoredFunction> {
  const { closure } = descriptor;
  if (closure === undefined) return compileText(descriptor, new Map()).function;

  const referents = await Promise.all(closure.references.map(importReference));
  const compiled = new Map<SourceText, CompiledText>();
  for (const text of [descriptor, ...closure.references]) {
    if (text.kind === 'source') compileInOrder(text, closure, referents, compiled);
  }
  const rows = restoreRows(closure, referents);
  for (const [row, text] of [descriptor, ...closure.references].entries()) {
    if (text.kind !== 'source') continue;
    const values = rows[row];
    if (!Array.isArray(values)) throw corrupt(`row ${row} of its captured values is missing`);
    const target = compiled.get(text)!;
    target.assign(
      text.variables.map((_, index) => values[index]),
      Object.values(text.links).map(index => referents[index]),
    );
    for (const [index, name] of text.properties.entries()) {
      const value: unknown = values[text.variables.length + index];
      Object.defineProperty(target.function, name, {
        value,
        writable: true,
        enumerable: true,
        configurable: true,
      });
    }
  }
  return compiled.get(descriptor)!.function;
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

/** Compiles a text after those it needs to come into being, and puts its function among the referents. */
function compileInOrder(
  text: SourceDescriptor | SourceReference,
  closure: Closure,
  referents: unknown[],
  compiled: Map<SourceText, CompiledText>,
): void {
  if (compiled.has(text)) return;
  const needed = new Map<string, unknown>();
  for (const name of text.creationLinks) {
    const index = text.links[name];
    const reference = index === undefined ? undefined : closure.references[index];
    if (index === undefined || reference === undefined)
      throw corrupt(`it needs ${name}, which is not stored`);
    // A class cannot extend itself, so a circle here is no program's doing and ends in the engine's stack check.
    if (reference.kind === 'source') compileInOrder(reference, closure, referents, compiled);
    needed.set(name, referents[index]);
  }
  const result = compileText(text, needed);
  compiled.set(text, result);
  const index = closure.references.indexOf(text as Reference);
  if (index === -1) return;
  referents[index] = result.function;
  if ('name' in text)
    Object.defineProperty(result.function, 'name', { value: text.name, configurable: true });
}

function restoreRows(closure: Closure, referents: readonly unknown[]): readonly unknown[] {
  const rows = restore(closure.values, {
    decodeFunction: tree => {
      if (typeof tree !== 'number' || !(tree in referents))
        throw corrupt(`its values refer to function ${String(tree)}`);
      return referents[tree];
    },
  });
  if (!Array.isArray(rows)) throw corrupt('its captured values are no array');
  return rows;
}

function corrupt(why: string): DeferredSweepError {
  return new DeferredSweepError('DEFERRED_STATE_CORRUPT', `cannot restore a stored function: ${why}`);
}
