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

/** A value and its name. */
export type Named = readonly [name: string, value: unknown];

/** What a search has seen: objects, and how many of their properties. */
export interface Search {
  readonly objects: Set<object>;
  properties: number;
}

export function newSearch(): Search {
  return { objects: new Set(), properties: 0 };
}

/** The path to `fn`: one of the values, or else below one. */
export function findAmong(
  fn: object,
  values: readonly Named[],
  search: Search = newSearch(),
): readonly string[] | undefined {
  for (const { path } of placesOf(fn, values, search)) return path;
  return undefined;
}

/** Whether `fn` has more than one `this`: as a member of two objects, as an export besides, or by inheritance. */
export function isHeldBySeveral(fn: object, values: readonly Named[], search: Search): boolean {
  const places = [...placesOf(fn, values, search)];
  const [first] = places;
  if (first === undefined) return false;
  const { holder, path } = first;
  if (places.some(place => place.holder !== holder)) return true;
  return holder !== undefined && [...search.objects].some(object => inherits(object, path.at(-1)!, holder));
}

interface Place {
  readonly path: readonly string[];
  /** Undefined for a value itself. */
  readonly holder: unknown;
}

function* placesOf(
  fn: object,
  values: readonly Named[],
  search: Search,
  path: readonly string[] = [],
  holder?: unknown,
): Generator<Place> {
  // A dotted path cannot hold such a name.
  const named = values.filter(([name]) => name !== '' && !name.includes('.'));
  for (const [name, value] of named) if (value === fn) yield { path: [...path, name], holder };
  if (path.length + 1 >= DEEPEST_PATH) return;
  for (const [name, value] of named)
    yield* placesOf(fn, membersOf(value, search), search, [...path, name], value);
}

/** Whether another object has the property from the holder, its prototype. */
function inherits(object: object, name: string, holder: unknown): boolean {
  if (object === holder) return false;
  for (let at = object; at !== null && !types.isProxy(at); at = Object.getPrototypeOf(at))
    if (Object.hasOwn(at, name)) return at === holder;
  return false;
}

/** Data properties; no code of the holder runs. None of what was seen before, or is too large to be looked into. */
export function membersOf(holder: unknown, search: Search): Named[] {
  if (!isObject(holder) || search.objects.has(holder) || search.properties > MOST_LOOKS || tables.has(holder))
    return [];
  search.objects.add(holder);
  if (!isSearchable(holder)) return [];
  const names = Object.getOwnPropertyNames(holder);
  if (names.length > MOST_PROPERTIES) {
    tables.add(holder);
    return [];
  }
  search.properties += names.length;
  return names.flatMap((name): Named[] => {
    if (name === 'prototype') return [];
    const property = Object.getOwnPropertyDescriptor(holder, name);
    return property !== undefined && 'value' in property ? [[name, property.value]] : [];
  });
}

function isObject(value: unknown): value is object {
  return typeof value === 'function' || (typeof value === 'object' && value !== null);
}

function isSearchable(value: object): boolean {
  if (types.isProxy(value)) return false;
  if (typeof value === 'function') return true;
  // An instance of a class has a state, which a later process's instance has not.
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === Object.prototype || prototype === null;
}
