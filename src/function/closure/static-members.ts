/** What hangs on a function or class besides its text: properties to be stored with it, and what cannot be. */

import types from 'node:util/types';
import { type Mention, refusal } from '../refusal.ts';
import type { SourceAnalysis } from './source-text.ts';

type Holder = object & { prototype?: unknown };

/** An own property that is stored with a function. */
export interface OwnProperty {
  readonly name: string;
  readonly value: unknown;
}

/** What each function has. `ownPropertiesOf` looks at the first three by themselves. */
const STANDARD_PROPERTIES = new Set(['length', 'name', 'prototype', 'arguments', 'caller']);

/**
 * The properties that a program put on a function, the static fields of a class.
 * @throws `DEFERRED_FUNCTION_REFUSED` for accessors, and for a prototype other than the text alone gives.
 */
export function ownPropertiesOf(
  fn: Holder,
  { shape, length }: Pick<SourceAnalysis, 'shape' | 'length'>,
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
  if (Object.getOwnPropertyDescriptor(fn, 'length')?.value !== length)
    throw refusal(
      chain,
      'has another length than a function of its text, which is not stored with it',
      'pass what it needs as arguments, or export the function from a module',
    );
  return own;
}

/** Whether what `new` makes of a function, or the function itself, has other methods than those of the language. */
function hasOwnKind(fn: Holder): boolean {
  if (!isOfLanguage(Object.getPrototypeOf(fn))) return true;
  const own = Object.getOwnPropertyDescriptor(fn, 'prototype');
  if (own === undefined) return false;
  const prototype: unknown = own.value;
  if (typeof prototype !== 'object' || prototype === null || types.isProxy(prototype)) return true;
  const inherited: object | null = Object.getPrototypeOf(prototype);
  if (inherited === null || types.isProxy(inherited)) return true;
  const keys = Reflect.ownKeys(prototype);
  // Of a generator function it is the one all generators have.
  if (keys.length === 0) return !Object.hasOwn(inherited, Symbol.toStringTag);
  const isPlain =
    keys.length === 1 && Object.getOwnPropertyDescriptor(prototype, 'constructor')?.value === fn;
  return !isPlain || Object.getPrototypeOf(inherited) !== null;
}

/** `Function.prototype`, which is a native function, or that of async functions and generators, of any realm. */
function isOfLanguage(prototype: unknown): boolean {
  if (types.isProxy(prototype)) return false;
  if (typeof prototype === 'function')
    return Function.prototype.toString.call(prototype).includes('[native code]');
  return typeof prototype === 'object' && prototype !== null && Object.hasOwn(prototype, Symbol.toStringTag);
}
