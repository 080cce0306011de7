import types from 'node:util/types';
import { compileFunction } from 'node:vm';
import type * as Estree from 'estree';
import { type InspectedFunction, scopeOf } from '../inspector/inspector.ts';
import { type Mention, refusal } from '../refusal.ts';
import { GLOBAL_NAMES } from '../source-code/globals.ts';
import { isNameKeeper, setName } from './ambient-bindings.ts';

/** What the text of a class says about what making it gives; only for classes that need nothing from outside for that. */
export interface ClassShape {
  /** Why it cannot be made from its text alone, to be read after `is a class that`. */
  readonly obstacle: string | undefined;
  readonly base: string | undefined;
  /** Variables of static blocks by which bundlers keep the names of classes. */
  readonly nameKeepers: readonly string[];
}

export function describeClass({ superClass, body }: Estree.Class): ClassShape {
  const nameKeepers: string[] = [];
  let obstacle: string | undefined;
  const base = superClass?.type === 'Identifier' ? superClass.name : undefined;
  const isOfNull = superClass?.type === 'Literal' && superClass.value === null;
  if (superClass && base === undefined && !isOfNull) obstacle = 'extends an expression';
  for (const member of body.body) {
    if (member.type === 'StaticBlock') {
      const keeper = nameKeeperOf(member);
      if (keeper === undefined) obstacle ??= 'has a static block, which would run again';
      else nameKeepers.push(keeper);
    } else if (member.key.type === 'PrivateIdentifier') {
      if (member.type === 'PropertyDefinition' && member.static)
        obstacle ??= `keeps something in the static field #${member.key.name}`;
    } else if (member.computed && !isOfSymbol(member.key)) {
      obstacle ??= 'has a member with a computed name';
    } else if (
      member.type === 'PropertyDefinition' &&
      member.static &&
      member.value &&
      !isConstant(member.value)
    ) {
      const name = member.key.type === 'Literal' ? member.key.value : 'name' in member.key && member.key.name;
      obstacle ??= `computes the value of its static field ${String(name)}, which would be done again`;
    }
  }
  return { obstacle, base, nameKeepers };
}

/** The name of `{ name(this, 'A') }`, which esbuild's option keepNames adds. */
function nameKeeperOf(block: Estree.StaticBlock): string | undefined {
  const [statement] = block.body;
  if (block.body.length !== 1 || statement?.type !== 'ExpressionStatement') return undefined;
  const call = statement.expression;
  if (call.type !== 'CallExpression' || call.callee.type !== 'Identifier') return undefined;
  const [target, name] = call.arguments;
  const isKeeper = target?.type === 'ThisExpression' && name?.type === 'Literal';
  return isKeeper && call.arguments.length === 2 ? call.callee.name : undefined;
}

/** Whether a name is a symbol of the language, as in `[Symbol.iterator]`. */
function isOfSymbol(key: Estree.Node): boolean {
  return (
    key.type === 'MemberExpression' &&
    !key.computed &&
    key.object.type === 'Identifier' &&
    key.object.name === 'Symbol' &&
    key.property.type === 'Identifier' &&
    typeof Reflect.get(Symbol, key.property.name) === 'symbol'
  );
}

function isConstant(value: Estree.Expression): boolean {
  return value.type === 'Literal' && !('regex' in value);
}

type Holder = object & { readonly prototype?: unknown };

/** A class is stored as its text. What else makes it what it is, V8 does not tell, or it would be made twice. */
export function refuseUnlikeItsText(
  fn: Holder,
  expression: string,
  shape: ClassShape,
  inspected: InspectedFunction,
  chain: readonly Mention[],
): void {
  const why = whyNotAsWritten(fn, expression, shape, inspected);
  if (why === undefined) return;
  throw refusal(
    chain,
    `is a class that ${why}`,
    'export it from a module, write it inside the deferred function, or keep what it needs in variables outside of it',
  );
}

function whyNotAsWritten(
  fn: Holder,
  expression: string,
  { obstacle, base, nameKeepers }: ClassShape,
  inspected: InspectedFunction,
): string | undefined {
  if (!nameKeepers.every(name => isNameKeeper(scopeOf(name, inspected)?.variables[name])))
    return 'has a static block, which would run again';
  if (obstacle !== undefined) return obstacle;
  if (base !== undefined && (!GLOBAL_NAMES.has(base) || scopeOf(base, inspected) !== undefined))
    return `extends ${base}, which is not stored with it`;
  const make = compileFunction(`'use strict'; return ${expression}`, [...nameKeepers]);
  const twin = make(...nameKeepers.map(() => setName)) as Holder;
  return differenceOf(fn, twin, base) ?? differenceOf(fn.prototype as object, twin.prototype as object, base);
}

/** How a class, or the prototype of its instances, differs from the twin that was made of its text. */
function differenceOf(holder: object, twin: object, base: string | undefined): string | undefined {
  if (Object.getPrototypeOf(holder) !== Object.getPrototypeOf(twin))
    return base === undefined
      ? 'has another prototype than its text says, which is not stored with it'
      : `extends another ${base} than that of the language, which is not stored with it`;
  if (!Object.isExtensible(holder)) return 'is frozen, sealed or not extensible';
  const [own, declared] = [membersOf(holder), membersOf(twin)];
  const stray = own.find(key => !declared.includes(key)) ?? declared.find((key, at) => key !== own[at]);
  if (stray !== undefined)
    return `has not the members of its text: see ${String(stray)}, which is not stored with it`;
  const changed = own.find(key => !isAlike(holder, twin, key));
  return changed === undefined
    ? undefined
    : `has another member ${String(changed)} than its text, which is not stored with it`;
}

/** All but the prototype and the name, which is stored beside the text. */
function membersOf(holder: object): (string | symbol)[] {
  return Reflect.ownKeys(holder).filter(key => {
    const { enumerable, value } = Object.getOwnPropertyDescriptor(holder, key)!;
    return key !== 'prototype' && (key !== 'name' || enumerable || typeof value !== 'string');
  });
}

function isAlike(one: object, other: object, key: string | symbol): boolean {
  const [own, declared] = [one, other].map(holder => Object.getOwnPropertyDescriptor(holder, key)!);
  return Object.entries(declared!).every(([part, value]) => {
    const found: unknown = own![part as keyof PropertyDescriptor];
    return typeof value === 'function' && typeof found === 'function'
      ? Function.prototype.toString.call(found) === Function.prototype.toString.call(value)
      : Object.is(found, value);
  });
}

/** What each function has. `refuseMembers` looks at the first three by themselves. */
const STANDARD_PROPERTIES = new Set<string | symbol>(['length', 'name', 'prototype', 'arguments', 'caller']);

/** Refuses a function with other properties or another prototype than its text gives. @param length - that its text gives */
export function refuseMembers(fn: Holder, length: number, chain: readonly Mention[]): void {
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
