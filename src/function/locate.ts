import { hasCode } from '../errors.ts';
import { type BuiltinName, nameBehindAccessor, nameBuiltin, nameReplacement } from './builtins.ts';
import { type InspectedFunction, inspectFunction } from './inspector/inspector.ts';
import { findExport } from './module/find-export.ts';

/** Where a function can be had from: a module, the language's globals, or only its own text. */
type Located = BuiltinName | { readonly kind: 'text'; readonly inspected: InspectedFunction };

const references = new WeakMap<object, BuiltinName>();

/**
 * Finds where a function or class of this thread lives. References are remembered, texts are not: what a closure has
 * captured changes.
 *
 * @returns undefined for native, bound and Node's internal functions that have no public name.
 * @throws `DEFERRED_UNSUPPORTED` where there is no inspector, except for functions of Node's built-in modules.
 */
export function locateFunction(fn: object): Located | undefined {
  const known = references.get(fn);
  if (known !== undefined) return known;
  const inspected = inspectOrName(fn);
  if (inspected !== undefined && 'script' in inspected) {
    // Not remembered: the tool may take its function back.
    const exported = nameReplacement(fn) ?? findExport(fn, inspected);
    if (exported === undefined) return { kind: 'text', inspected };
    if (exported.module.startsWith('node:')) return exported;
    references.set(fn, exported);
    return exported;
  }
  if (inspected !== undefined) references.set(fn, inspected);
  return inspected;
}

function inspectOrName(fn: object): InspectedFunction | BuiltinName | undefined {
  let inspected: InspectedFunction | undefined;
  try {
    inspected = inspectFunction(fn);
  } catch (error) {
    const name = hasCode(error, 'DEFERRED_UNSUPPORTED') ? nameBuiltin(fn) : undefined;
    if (name === undefined) throw error;
    return name;
  }
  // A name counts only for what is Node's own: a program may hang functions of its own on `fs` or `Array`.
  if (inspected !== undefined && !inspected.script.url.startsWith('node:')) return inspected;
  // It may have been out of its place when names were first looked at.
  return nameBuiltin(fn) ?? nameReplacement(fn) ?? nameBehindAccessor(fn);
}

/** False where a file or a text of the program has the function. */
export function isNodesFunction(fn: object): boolean {
  const located = inspectOrName(fn);
  return located === undefined || !('script' in located);
}
