/** What hangs on a function or class besides its text: properties to be stored with it, and what cannot be. */

import { type Mention, refusal } from '../refusal.ts';
import type { ClassShape } from './class-shape.ts';

type Holder = object & { prototype?: unknown };

/** An own property that is stored with a function. */
export interface OwnProperty {
  readonly name: string;
  readonly value: unknown;
}

const STANDARD_PROPERTIES = new Set(['length', 'name', 'prototype', 'arguments', 'caller']);

/**
 * The properties that a program put on a function, the static fields of a class.
 * @throws `DEFERRED_FUNCTION_REFUSED` for accessors, and for a prototype other than the text alone gives.
 */
export function ownPropertiesOf(
  fn: Holder,
  shape: ClassShape | undefined,
  chain: readonly Mention[],
): OwnProperty[] {
  if (shape !== undefined) return shape.fields.map(name => ({ name, value: Reflect.get(fn, name) }));
  const own: OwnProperty[] = [];
  for (const key of Reflect.ownKeys(fn)) {
    if (STANDARD_PROPERTIES.has(String(key))) continue;
    const property = Object.getOwnPropertyDescriptor(fn, key)!;
    if (typeof key === 'symbol' || !('value' in property))
      throw refusal(
        chain,
        `has the property ${String(key)}, which is not stored with it`,
        'pass what it needs as arguments, or export the function from a module',
      );
    own.push({ name: key, value: property.value });
  }
  if (hasOwnKind(fn)) {
    throw refusal(
      chain,
      'has methods on its prototype, or inherits some, which are not stored with it',
      'write it as a class',
    );
  }
  return own;
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

/** `Function.prototype`, which is a native function, or that of async functions and generators, of any realm. */
function isOfLanguage(prototype: unknown): boolean {
  if (typeof prototype === 'function')
    return Function.prototype.toString.call(prototype).includes('[native code]');
  return typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, Symbol.toStringTag);
}
