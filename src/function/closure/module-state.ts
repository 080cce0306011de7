/**
 * Variables that an exported function reads, and that have other values in a process that imports the module anew: they were
 * changed since it was evaluated, or made by something that gives another value each time.
 */
import types from 'node:util/types';
import type { Callable } from '../descriptor.ts';
import { type InspectedFunction, inspectFunction } from '../inspector/inspector.ts';
import { codeOf } from '../source-code/script-code.ts';
import { isProvided } from './ambient-bindings.ts';
import { usedVariables } from './store-source.ts';
import { isNamespaceLike, namedReference } from './variables.ts';

/** What to do about an exported function that reads variables which another process has with other values. */
export type ModuleState = 'warn' | 'refuse' | 'allow';

const known = new WeakMap<Callable, string | undefined>();
const MOST_FUNCTIONS = 50;

/** The first such variable; looked for once for each function, also through those of its file that it calls. */
export function moduleStateOf(fn: Callable): string | undefined {
  if (!known.has(fn)) known.set(fn, findState(fn));
  return known.get(fn);
}

function findState(root: Callable): string | undefined {
  const seen = new Set<Callable>();
  const queue = [root];
  let file: string | undefined;
  for (let fn = queue.pop(); fn !== undefined && seen.size < MOST_FUNCTIONS; fn = queue.pop()) {
    if (seen.has(fn)) continue;
    seen.add(fn);
    const inspected = inspectFunction(fn);
    file ??= inspected?.script.id;
    if (inspected === undefined || inspected.script.id !== file || inspected.script.url.startsWith('node:'))
      continue;
    for (const { name, value } of usedVariables(fn, inspected)) {
      if (isProvided(name, value, inspected.script)) continue;
      if (typeof value === 'function') {
        if (isReplaced(name, value, inspected)) return name;
        queue.push(value as Callable);
      } else if (isMadeAnew(name, value, inspected)) return name;
    }
  }
  return undefined;
}

/** Whether functions of the file put others into a variable. */
function isReplaced(name: string, value: object, { script }: InspectedFunction): boolean {
  if (codeOf(script)?.changes.assigned.has(name) !== true) return false;
  return inspectFunction(value)?.script.id === script.id;
}

function isMadeAnew(name: string, value: unknown, { script }: InspectedFunction): boolean {
  const code = codeOf(script);
  // Nothing has been put there yet.
  if (code === undefined || value === undefined || value === null || code.declarations?.imports.has(name))
    return false;
  if (code.volatile.has(name) || code.changes.assigned.has(name)) return true;
  // What an import or `require` gave, and what is Node's own, every process has.
  if (typeof value !== 'object' || isNamespaceLike(name, value) || namedReference(value) !== undefined)
    return false;
  return code.changes.mutated.has(name) || (code.changes.called.has(name) && isCollection(value));
}

/** Whether methods of it change what it holds. Those of a client or a pattern rarely do. */
function isCollection(value: object): boolean {
  if (types.isProxy(value)) return false;
  if (Array.isArray(value) || types.isMap(value) || types.isSet(value)) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
