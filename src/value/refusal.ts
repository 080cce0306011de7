import types from 'node:util/types';
import { ERROR_PROTOTYPES } from './classes.ts';
import { madeAs } from './made-as.ts';

/** Kinds that are told by themselves, not by a class: what they are, and what to pass instead. */
const KINDS: readonly [isOne: (value: object) => boolean, what: string, instead: string][] = [
  // First: anything else that is asked of it may run its code.
  [types.isProxy, 'a Proxy', 'pass a plain copy of what is behind it'],
  [value => typeof value === 'function', 'a function', 'import or write it inside the deferred function'],
  [types.isModuleNamespaceObject, 'a module namespace', 'import the module inside the deferred function'],
  [types.isArgumentsObject, 'an arguments object', 'pass an array, [...arguments]'],
  [types.isBoxedPrimitive, 'a boxed primitive', 'pass the primitive, value.valueOf()'],
  [types.isGeneratorObject, 'a generator', 'pass the array of its values, [...value]'],
  [isIterator, 'an iterator', 'pass the array of its values, [...value]'],
];

/** What an object is, by name and without running code of it: `an instance of Socket`. */
export function describe(value: object): string {
  const [, what] = KINDS.find(([isOne]) => isOne(value)) ?? [];
  if (what !== undefined) return what;
  if (types.isExternal(value)) return 'a native pointer';
  const prototype: unknown = Object.getPrototypeOf(value);
  const name = prototype === null ? '' : classNameOf(prototype as object);
  if (isOfAnotherRealm(value)) return `a value of another realm (${name || 'unknown class'})`;
  if (hasLostItsClass(value)) return `made as ${madeAs(value)} and has another prototype`;
  if (prototype === null) return 'an object without prototype';
  if (name === '') return 'an object of an unnamed class';
  // Node's errors with a code ERR_* have a class between theirs and the built-in one, which calls itself by its name.
  if (ERROR_PROTOTYPES.has(name)) return `an instance of an unnamed class derived from ${name}`;
  return `an instance of ${name}`;
}

/** An object and its prototypes, up to a Proxy. */
function* chainOf(object: object): Iterable<object> {
  for (let link: object | null = object; link && !types.isProxy(link); link = Object.getPrototypeOf(link))
    yield link;
}

function classNameOf(prototype: object): string {
  for (const link of chainOf(prototype)) {
    const Class: unknown = Object.getOwnPropertyDescriptor(link, 'constructor')?.value;
    if (typeof Class !== 'function' || types.isProxy(Class)) continue;
    const name: unknown = Object.getOwnPropertyDescriptor(Class, 'name')?.value;
    if (typeof name === 'string') return name;
  }
  return '';
}

/** Whether a Map, say, is one of which `Object.setPrototypeOf` has made something else to look at. */
function hasLostItsClass(value: object): boolean {
  const made = madeAs(value);
  return made !== undefined && !prototypesOf(value).some(prototype => classNameOf(prototype) === made);
}

function prototypesOf(value: object): object[] {
  return [...chainOf(value)].slice(1);
}

function isIterator(value: object): boolean {
  return types.isMapIterator(value) || types.isSetIterator(value);
}

/** Whether the object's chain of prototypes ends elsewhere than at our `Object.prototype`. */
function isOfAnotherRealm(value: object): boolean {
  const last = [...chainOf(value)].at(-1);
  return last !== undefined && last !== Object.prototype && Object.hasOwn(last, 'isPrototypeOf');
}

export function adviceFor(value: object): string {
  const [, , instead] = KINDS.find(([isOne]) => isOne(value)) ?? [];
  if (instead !== undefined) return instead;
  if (hasLostItsClass(value)) return 'pass a plain copy of what is needed of it';
  if (types.isPromise(value)) return 'await it first and pass the result';
  if (types.isSharedArrayBuffer(value))
    return 'memory is not shared with a later process, pass a copy of the bytes';
  if (isOfAnotherRealm(value)) return 'pass a copy made in this realm, such as structuredClone(value)';
  if (types.isNativeError(value)) return 'pass what is needed of it, such as its message and code';
  const name =
    prototypesOf(value)
      .map(classNameOf)
      .find(name => ADVICE.has(name)) ?? '';
  return (
    ADVICE.get(name) ??
    'pass its data as a plain object and rebuild the instance inside the deferred function'
  );
}

const HANDLE = 'it lives in this process only, pass what identifies it (a path, a port, a process id)';

// By the names of a value's classes, nearest first: most of these classes are loaded only when they are used.
const ADVICE: ReadonlyMap<string, string> = new Map([
  // Its href is no path: `rm(href, { force: true })` would find nothing, and say nothing.
  ['URL', 'pass fileURLToPath(value) where a path is meant, and its href where a URL is'],
  ['URLSearchParams', 'pass its text, String(value)'],
  ['WeakMap', 'pass a Map of the entries needed'],
  ['WeakSet', 'pass a Set of the members needed'],
  ['WeakRef', 'pass what value.deref() returns'],
  ['AbortSignal', 'it lives in this process only, leave it out'],
  ['AbortController', 'it lives in this process only, leave it out'],
  ['Blob', 'pass its bytes, new Uint8Array(await value.arrayBuffer())'],
  ['Headers', 'pass its entries, [...value]'],
  ['FormData', 'pass its entries, [...value]'],
  ['DOMException', 'pass its name and message'],
  ['EventEmitter', HANDLE],
  ['EventTarget', HANDLE],
  ['FileHandle', HANDLE],
  ['Dir', HANDLE],
  ['Timeout', HANDLE],
  ['Immediate', HANDLE],
  ['ReadableStream', HANDLE],
  ['WritableStream', HANDLE],
]);
