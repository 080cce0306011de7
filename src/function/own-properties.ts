/** What hangs on a function or class besides its text: properties to be stored with it, and what cannot be. */
import { type Mention, refusal } from './refusal.ts';

type Holder = object & { prototype?: unknown };

/** An own property that is stored with a function. */
export interface OwnProperty {
  readonly name: string;
  readonly value: unknown;
}

const STANDARD_PROPERTIES = new Set(['length', 'name', 'prototype', 'arguments', 'caller']);

/**
 * The properties somebody put on a function, the static fields of a class.
 * @param text of the function or class
 * @throws `DEFERRED_FUNCTION_REFUSED` for accessors, for methods that are not part of the text, and for a prototype other
 * than the text alone gives.
 */
export function ownPropertiesOf(
  fn: Holder,
  text: string,
  isClass: boolean,
  chain: readonly Mention[],
): OwnProperty[] {
  const own: OwnProperty[] = [];
  for (const key of Reflect.ownKeys(fn)) {
    if (STANDARD_PROPERTIES.has(String(key))) continue;
    const property = Object.getOwnPropertyDescriptor(fn, key)!;
    if (isClass && !property.enumerable) {
      if (!isDeclared(property, text)) throw foreignProperty(chain, `the static member ${String(key)}`);
    } else if (typeof key === 'symbol' || !('value' in property)) {
      throw foreignProperty(chain, `the property ${String(key)}`);
    } else own.push({ name: key, value: property.value });
  }
  if (isClass) refuseForeignMembers(fn, text, chain);
  else if (hasOwnKind(fn)) {
    throw refusal(
      chain,
      'has methods on its prototype, or inherits some, which are not stored with it',
      'write it as a class',
    );
  }
  return own;
}

/** Members that were put into the prototype of a class later; what it declares is part of its text. */
function refuseForeignMembers(fn: Holder, text: string, chain: readonly Mention[]): void {
  const prototype = fn.prototype as object;
  for (const key of Reflect.ownKeys(prototype)) {
    if (key === 'constructor') continue;
    if (!isDeclared(Object.getOwnPropertyDescriptor(prototype, key)!, text))
      throw foreignProperty(chain, `the member ${String(key)}`);
  }
  const parent: unknown = Object.getPrototypeOf(fn);
  const inherited: unknown = Object.getPrototypeOf(prototype);
  const isRoot = inherited === null || Object.getPrototypeOf(inherited) === null;
  if (!isRoot && (typeof parent !== 'function' || Reflect.get(parent, 'prototype') !== inherited))
    throw foreignProperty(chain, 'another prototype than its text says');
}

/** Whether a method or accessor of a class stands in its text. */
function isDeclared({ value, get, set }: PropertyDescriptor, text: string): boolean {
  return [value, get, set].every(
    part =>
      part === undefined ||
      (typeof part === 'function' && text.includes(Function.prototype.toString.call(part))),
  );
}

/** Whether what `new` makes of a function, or the function itself, has other methods than those of the language. */
function hasOwnKind(fn: Holder): boolean {
  if (!isOfLanguage(Object.getPrototypeOf(fn))) return true;
  const { prototype } = fn;
  if (typeof prototype !== 'object' || prototype === null) return false;
  if (Reflect.ownKeys(prototype).some(key => key !== 'constructor')) return true;
  const inherited: object | null = Object.getPrototypeOf(prototype);
  // Of a generator function it is the one all generators have.
  return !Object.hasOwn(prototype, 'constructor') && inherited !== null
    ? !Object.hasOwn(inherited, Symbol.toStringTag)
    : inherited !== null && Object.getPrototypeOf(inherited) !== null;
}

/** `Function.prototype`, which is a native function, or that of async functions and generators, of whichever realm. */
function isOfLanguage(prototype: unknown): boolean {
  if (typeof prototype === 'function')
    return Function.prototype.toString.call(prototype).includes('[native code]');
  return typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, Symbol.toStringTag);
}

function foreignProperty(chain: readonly Mention[], what: string): Error {
  return refusal(
    chain,
    `has ${what}, which is not stored with it`,
    'pass what it needs as arguments, or export the function from a module',
  );
}
