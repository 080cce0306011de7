import { isDeepStrictEqual } from 'node:util';
import types from 'node:util/types';
import { isPlainText } from './plain-text.ts';
import type { ValuePath } from './value-path.ts';

/** Refuses an array with holes, or with properties beside its elements. */
export function requireDense(path: ValuePath, array: readonly unknown[]): void {
  // Own keys come as indices in ascending order, then `length`, which came with the array, then others.
  const keys = Reflect.ownKeys(array);
  const extra = keys[keys.lastIndexOf('length') + 1];
  if (extra !== undefined) throw refusalOfExtra(path, 'an array', extra);
  if (keys.length > array.length) return;
  let hole = 0;
  while (Object.hasOwn(array, hole)) hole += 1;
  throw path.refusalOfProperty(hole, 'the array has a hole there', 'fill it, as Array.from(value) does');
}

/**
 * Whether a view has own properties beside its elements. On one of more than 32 elements a property that is not
 * enumerable goes unseen, as `deepStrictEqual` does not see it either.
 */
export function hasExtraProperties(view: ArrayBufferView): boolean {
  if (!types.isTypedArray(view)) return Reflect.ownKeys(view).length > 0;
  if (view.length <= LISTED_ELEMENTS) return Reflect.ownKeys(view).length !== view.length;
  // Listing keys takes 100 ns an element. Comparing with a second view of the same memory takes memcmp and a look at
  // the enumerable properties that are not elements.
  return !isDeepStrictEqual(view, view.subarray());
}

const LISTED_ELEMENTS = 32;

/** Refuses symbols, `__proto__`, accessors and what is not enumerable: the object is to consist of these properties. */
export function namesOf(object: object, path: ValuePath): string[] {
  return Reflect.ownKeys(object).map(key => {
    refuseKey(path, key);
    refuseUnordinary(path, object, key);
    return key as string;
  });
}

/** The property names of an error, those that are enumerable and those, of the usual ones, that are not. */
export function errorNamesOf(error: Error, path: ValuePath): { hidden: string[]; shown: string[] } {
  const hidden: string[] = [];
  const shown: string[] = [];
  for (const key of Reflect.ownKeys(error)) {
    const isShown = Object.prototype.propertyIsEnumerable.call(error, key);
    // Node puts symbols and a toString on errors of its own, not enumerable: they are not part of the value.
    if (!isShown && !USUALLY_HIDDEN.has(key)) continue;
    refuseKey(path, key);
    if (key !== 'stack') refuseAccessor(path, error, key);
    else if (!hasTextAsStack(error, path)) continue;
    (isShown ? shown : hidden).push(key as string);
  }
  return { hidden, shown };
}

/**
 * Whether the stack is a text: a program's prepareStackTrace may make it anything. It is made when it is first read, and says what
 * the error's `toString` gives.
 */
function hasTextAsStack(error: Error, path: ValuePath): boolean {
  try {
    const { get } = Object.getOwnPropertyDescriptor(error, 'stack')!;
    // Newer versions of V8 have an accessor of theirs here.
    const isOfProgram =
      get !== undefined && get !== Object.getOwnPropertyDescriptor(new Error(), 'stack')?.get;
    if (!isOfProgram) return typeof error.stack === 'string';
  } catch (cause) {
    const instead = 'pass what is needed of the error, such as its message and code';
    throw path.refusalOfProperty('stack', 'to read it fails', instead, cause);
  }
  refuseAccessor(path, error, 'stack');
  return false;
}

const USUALLY_HIDDEN: ReadonlySet<string | symbol> = new Set(['stack', 'message', 'cause', 'errors', 'name']);

function refuseKey(path: ValuePath, key: string | symbol): void {
  if (typeof key === 'symbol')
    throw path.refusalOfProperty(key, 'its key is a symbol', 'use a text key or leave it out');
  if (key === '__proto__') {
    const what = 'a key "__proto__" sets the prototype when copied';
    throw path.refusalOfProperty(key, what, 'use another key or a Map');
  }
  if (!isPlainText(key)) {
    const what = 'its key holds half of a surrogate pair, or begins with a byte order mark';
    throw path.refusalOfProperty(key, what, 'use another key or a Map');
  }
}

/** Refuses a getter or setter: its code cannot be kept, and running it now may give another value each time. */
function refuseAccessor(path: ValuePath, object: object, key: string | symbol): void {
  if ('value' in Object.getOwnPropertyDescriptor(object, key)!) return;
  throw path.refusalOfProperty(stepOf(object, key), 'it is a getter or setter', 'pass the value it gives');
}

function stepOf(object: object, key: string | symbol): string | number | symbol {
  return Array.isArray(object) && typeof key === 'string' ? Number(key) : key;
}

/** Refuses what is no property as an assignment makes it, and would be one when it is restored. */
export function refuseUnordinary(path: ValuePath, object: object, key: string | symbol): void {
  // One look: this is asked of every property of every value.
  const property = Object.getOwnPropertyDescriptor(object, key)!;
  if (property.enumerable && 'value' in property) return;
  refuseAccessor(path, object, key);
  const instead = 'make it an ordinary property or leave it out';
  throw path.refusalOfProperty(stepOf(object, key), 'it is not enumerable', instead);
}

/** Refuses own properties, but `allowed`, on an object that is stored as something else than its properties. */
export function refuseExtras(path: ValuePath, kind: string, object: object, allowed?: string): void {
  for (const key of Reflect.ownKeys(object)) if (key !== allowed) throw refusalOfExtra(path, kind, key);
}

export function refusalOfExtra(path: ValuePath, kind: string, key: string | symbol): Error {
  return path.refusalOfProperty(key, `it is an extra property on ${kind}`, 'pass it beside that, not on it');
}
