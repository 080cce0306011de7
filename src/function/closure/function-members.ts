/** What hangs on a function besides its text, and is not stored with it. */

import types from 'node:util/types';
import { type Mention, refusal } from '../refusal.ts';
import type { SourceAnalysis } from './source-text.ts';

type Holder = object & { prototype?: unknown };

/** What each function has. `refuseMembers` looks at the first three by themselves. */
const STANDARD_PROPERTIES = new Set<string | symbol>(['length', 'name', 'prototype', 'arguments', 'caller']);

/** @throws `DEFERRED_FUNCTION_REFUSED` for a function with other properties or another prototype than its text alone gives */
export function refuseMembers(
  fn: Holder,
  { length }: Pick<SourceAnalysis, 'length'>,
  chain: readonly Mention[],
): void {
  if (hasOwnKind(fn)) {
    throw refusal(
      chain,
      'has methods on its prototype, or inherits some, which are not stored with it',
      'write it as a class',
    );
  }
  const own = Reflect.ownKeys(fn).find(key => !STANDARD_PROPERTIES.has(key));
  if (own !== undefined)
    throw refusal(
      chain,
      `has the property ${String(own)}, which is not stored with it`,
      'put it into a variable outside, or export the function from a module',
    );
  if (Object.getOwnPropertyDescriptor(fn, 'length')?.value !== length)
    throw refusal(
      chain,
      'has another length than a function of its text, which is not stored with it',
      'pass what it needs as arguments, or export the function from a module',
    );
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
