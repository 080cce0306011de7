/** Looking for a function among what a module exports: the values, and the properties of plain objects and classes. */
import types from 'node:util/types';

/** How far into exported objects and classes functions are looked for: `api.users.drop` is three names. */
export const DEEPEST_PATH = 3;

/** An object with more properties is a table of data, and not looked into. */
const MOST_PROPERTIES = 2_000;

/** How many properties are looked at for one function, in all objects: some 2 ms. */
const MOST_LOOKS = 10_000;

/** Listing the properties of an object with a million of them takes seconds: once only. */
const tables = new WeakSet<object>();

export type Named = readonly [name: string, value: unknown];

interface Place {
  readonly path: readonly string[];
  /** Undefined for a value itself. */
  readonly holder: unknown;
}

/** One search: no object is looked into twice. */
export class ValueSearch {
  readonly #objects = new Set<object>();
  #properties = 0;

  /** The path to `fn`: one of the values, or else below one. */
  find(fn: object, values: readonly Named[]): readonly string[] | undefined {
    const [first] = this.#placesOf(fn, values);
    return first?.path;
  }

  /** Whether `fn` has more than one `this`: as a member of two objects, as an export besides, or by inheritance. */
  isHeldBySeveral(fn: object, values: readonly Named[]): boolean {
    const places = [...this.#placesOf(fn, values)];
    const [first] = places;
    if (first === undefined) return false;
    const { holder, path } = first;
    if (places.some(place => place.holder !== holder)) return true;
    return holder !== undefined && [...this.#objects].some(object => inherits(object, path.at(-1)!, holder));
  }

  /** Data properties; no code of the holder runs. None of what was seen before, or is too large to be looked into. */
  membersOf(holder: unknown): Named[] {
    if (!isObject(holder) || this.#objects.has(holder)) return [];
    if (this.#properties > MOST_LOOKS || tables.has(holder)) return [];
    this.#objects.add(holder);
    if (!isSearchable(holder)) return [];
    const names = Object.getOwnPropertyNames(holder);
    if (names.length > MOST_PROPERTIES) {
      tables.add(holder);
      return [];
    }
    this.#properties += names.length;
    return names.flatMap((name): Named[] => {
      const property = Object.getOwnPropertyDescriptor(holder, name);
      return name !== 'prototype' && property && 'value' in property ? [[name, property.value]] : [];
    });
  }

  *#placesOf(
    fn: object,
    values: readonly Named[],
    path: readonly string[] = [],
    holder?: unknown,
  ): Generator<Place> {
    // A dotted path cannot hold such a name.
    const named = values.filter(([name]) => name !== '' && !name.includes('.'));
    for (const [name, value] of named) if (value === fn) yield { path: [...path, name], holder };
    if (path.length + 1 >= DEEPEST_PATH) return;
    for (const [name, value] of named)
      yield* this.#placesOf(fn, this.membersOf(value), [...path, name], value);
  }
}

/** Whether another object has the property from the holder, its prototype. */
function inherits(object: object, name: string, holder: unknown): boolean {
  if (object === holder) return false;
  for (let at = object; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at))
    if (Object.hasOwn(at, name)) return at === holder;
  return false;
}

export function isObject(value: unknown): value is object {
  return typeof value === 'function' || (typeof value === 'object' && value !== null);
}

/** Whether it is what a module exports that was an ES module before a transpiler made it CommonJS. */
export function isTranspiled(exports: unknown): exports is Readonly<Record<string, unknown>> {
  return isObject(exports) && !types.isProxy(exports) && Object.hasOwn(exports, '__esModule');
}

function isSearchable(value: object): boolean {
  if (types.isProxy(value)) return false;
  if (typeof value === 'function') return true;
  // An instance of a class has a state, which a later process's instance has not.
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
