/**
 * State that a closure would have twice: by value, as a captured variable, and through a captured function that is found
 * again in its module, where the variable is another one. The two would drift apart, so such a closure is refused.
 */
import types from 'node:util/types';
import type { Callable } from '../descriptor.ts';
import {
  type InspectedFunction,
  inspectFunction,
  read,
  type Script,
  scopeOf,
} from '../inspector/inspector.ts';
import { isObject } from '../module/search-values.ts';
import { type Mention, mention, nameOf, refusal } from '../refusal.ts';
import { codeOf } from '../source-code/script-code.ts';
import { type CapturedRow, isChangedExport } from './captured-variables.ts';
import { type UsedVariable, usedVariables } from './store-source.ts';
import { isNamespaceLike } from './variables.ts';

/** Where a captured object or variable is known from, for the message and for the search for changes. */
interface Held extends Pick<CapturedRow, 'chain' | 'inspected'> {
  readonly name: string;
  readonly value: unknown;
}

interface HeldFunction extends Pick<CapturedRow, 'chain' | 'inspected'> {
  /** What it is called, by itself and by those that captured it. */
  readonly names: Set<string>;
}

/** So many functions and objects are looked at for one closure: a library may lead anywhere. */
const MOST_FUNCTIONS = 200;
const MOST_OBJECTS = 20_000;

/** @param references - captured functions that are found again by name */
export function refuseSharedState(rows: readonly CapturedRow[], references: readonly Callable[]): void {
  if (references.length > 0) new Search(rows).from(references);
}

class Search {
  readonly #objects = new Map<object, Held>();
  readonly #variables: Held[] = [];
  readonly #importers: readonly CapturedRow[];
  readonly #functions: ReadonlyMap<Callable, HeldFunction>;
  readonly #seen = new Set<object>();
  readonly #queue: Callable[] = [];

  constructor(rows: readonly CapturedRow[]) {
    for (const { chain, inspected, values } of rows) {
      const code = codeOf(inspected.script);
      for (const [name, value] of values) {
        const held = { chain, inspected, name, value };
        // Any other variable is shared with no function: then there is nothing to search for.
        const isShareable = code?.changes.assigned.has(name) || code?.declarations?.imports.has(name);
        if (isShareable) this.#variables.push(held);
        for (const object of objectsIn(value))
          if (!this.#objects.has(object)) this.#objects.set(object, held);
      }
    }
    this.#functions = changedFunctions(rows);
    this.#importers = rows.filter(({ imports }) => imports.length > 0);
  }

  from(references: readonly Callable[]): void {
    const held = [this.#variables.length, this.#objects.size, this.#importers.length, this.#functions.size];
    if (held.every(count => count === 0)) return;
    this.#queue.push(...references);
    for (let fn = this.#queue.pop(); fn !== undefined; fn = this.#queue.pop()) {
      if (this.#seen.has(fn) || this.#seen.size > MOST_FUNCTIONS) continue;
      this.#seen.add(fn);
      this.#visit(fn);
    }
  }

  #visit(fn: Callable): void {
    const inspected = inspectFunction(fn);
    if (inspected === undefined || inspected.script.url.startsWith('node:')) return;
    for (const { chain, imports } of this.#importers) {
      const changed = imports.find(value => isChangedExport(value, inspected.script));
      if (changed) throw sharedState(chain, changed.name, mention(fn, inspected));
    }
    this.#lookAt(fn, '', fn, inspected);
    for (const variable of usedVariables(fn, inspected)) {
      this.#compareVariable(fn, variable, inspected);
      const { name, members, value } = variable;
      // What a transpiler makes of imports has accessors; of them those that are used.
      const isModule =
        typeof value === 'object' && value !== null && members !== undefined && isNamespaceLike(name, value);
      const exports = value as Record<string, unknown>;
      const parts = isModule ? members.map(member => read(exports, member)) : [value];
      for (const part of parts) this.#lookAt(part, name, fn, inspected);
    }
  }

  /** Looks for captured objects in what a variable holds, and for more functions. */
  #lookAt(value: unknown, name: string, user: Callable, inspected: InspectedFunction): void {
    const onFunction = (fn: Callable) => {
      // A function that is handed on is not changed by that: only what is assigned to a member of it counts.
      const held = fn === user ? undefined : this.#functions.get(fn);
      if (held !== undefined) throw sharedState(held.chain, nameOf(fn) || name, mention(user, inspected));
      this.#queue.push(fn);
    };
    for (const object of objectsIn(value, onFunction)) {
      const held = this.#objects.get(object);
      if (held === undefined) continue;
      const { script } = held.inspected;
      const isState =
        mayChange(held.name, held.value, script, script.id !== inspected.script.id) ||
        mayChange(name, value, inspected.script, false);
      if (isState) throw sharedState(held.chain, held.name, mention(user, inspected));
    }
  }

  /** Compares a variable of a module with captured variables that are it, by its name or that of its export. */
  #compareVariable(user: Callable, { name, value, scope }: UsedVariable, inspected: InspectedFunction): void {
    const code = codeOf(inspected.script);
    if (code?.changes.assigned.has(name) !== true) return;
    const exported: readonly unknown[] = [name, ...(code.declarations?.namesOf(name) ?? [])];
    for (const held of this.#variables) {
      const { script } = held.inspected;
      const isSame =
        script.id === inspected.script.id
          ? held.name === name && scopeOf(name, held.inspected)?.kind === scope.kind
          : exported.includes(codeOf(script)?.declarations?.imports.get(held.name));
      if (isSame && Object.is(held.value, value))
        throw sharedState(held.chain, held.name, mention(user, inspected));
    }
  }
}

/** The functions that may get properties from functions of their file. */
function changedFunctions(rows: readonly CapturedRow[]): ReadonlyMap<Callable, HeldFunction> {
  const functions = new Map<Callable, HeldFunction>();
  for (const { fn, chain, inspected } of rows) {
    const holders = chain.length > 1 ? chain.slice(0, -1) : chain;
    functions.set(fn, { chain: holders, inspected, names: new Set([nameOf(fn) ?? '']) });
  }
  for (const { fn, inspected } of rows)
    for (const { name, value } of usedVariables(fn, inspected))
      functions.get(value as Callable)?.names.add(name);
  for (const [fn, { names, inspected }] of functions) {
    const mutated = codeOf(inspected.script)?.changes.mutated;
    if (![...names].some(name => mutated?.has(name))) functions.delete(fn);
  }
  return functions;
}

/** @param isImported - whether the script is another than that of the state: then its top level is not evaluated again */
function mayChange(name: string, value: unknown, script: Script, isImported: boolean): boolean {
  const changes = codeOf(script)?.changes;
  if (changes === undefined || name === '') return true;
  const changed = isImported ? changes.everChanged : changes.changed;
  if (changes.assigned.has(name) || changed.has(name)) return true;
  if (typeof value !== 'object' || value === null) return false;
  return Object.entries(value).some(
    ([key, part]) => typeof part === 'object' && part !== null && changed.has(`${name}.${key}`),
  );
}

/** The objects in a value that can change, itself among them. Functions in it are told of, or else left out. */
function* objectsIn(root: unknown, onFunction?: (fn: Callable) => void): Iterable<object> {
  const seen = new Set<object>();
  const queue = [root];
  while (queue.length > 0 && seen.size < MOST_OBJECTS) {
    const value = queue.pop();
    if (!isObject(value) || seen.has(value) || types.isProxy(value)) continue;
    seen.add(value);
    if (typeof value === 'function') {
      if (onFunction === undefined) continue;
      onFunction(value as Callable);
    } else if (!Object.isFrozen(value)) yield value;
    if (ArrayBuffer.isView(value)) {
      queue.push(value.buffer);
      continue;
    }
    for (const property of Object.values(Object.getOwnPropertyDescriptors(value))) queue.push(property.value);
    if (types.isMap(value)) queue.push(...value.keys(), ...value.values());
    if (types.isSet(value)) queue.push(...value);
  }
}

function sharedState(chain: readonly Mention[], name: string, user: Mention): Error {
  const where = user.where === undefined ? '' : ` (${user.where})`;
  return refusal(
    chain,
    `captures ${name} by value, and uses ${user.name}${where}, which has the same state in its module: the two would drift apart`,
    `pass what it needs of ${name} as an argument, or let an exported function do all of it`,
  );
}
