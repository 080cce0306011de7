import type * as Estree from 'estree';
import { GLOBAL_NAMES } from '../source-code/globals.ts';

/** What the text of a class says about what making it gives; only for classes that need nothing from outside for that. */
export interface ClassShape {
  /** Why it cannot be made from its text alone, to be read after `is a class that`. */
  readonly obstacle: string | undefined;
  /** The name after `extends`; null for `extends null`. */
  readonly base: string | null | undefined;
  readonly methods: readonly ClassMethod[];
  /** Static fields, in order. */
  readonly fields: readonly string[];
  /** Variables of static blocks by which bundlers keep the names of classes. */
  readonly nameKeepers: readonly string[];
}

export interface ClassMethod {
  readonly key: string | symbol;
  readonly isStatic: boolean;
  readonly part: 'value' | 'get' | 'set';
  /** As `Function.prototype.toString` gives it. */
  readonly text: string;
}

/** @param text - what the positions in the tree are positions in */
export function describeClass(root: Estree.Class, text: string): ClassShape {
  const methods: ClassMethod[] = [];
  const fields: string[] = [];
  const nameKeepers: string[] = [];
  let obstacle: string | undefined;
  const { superClass } = root;
  let base: ClassShape['base'];
  if (superClass?.type === 'Identifier') base = superClass.name;
  else if (superClass?.type === 'Literal' && superClass.value === null) base = null;
  else if (superClass) obstacle = 'extends an expression';
  for (const member of root.body.body) {
    if (member.type === 'StaticBlock') {
      const keeper = nameKeeperOf(member);
      if (keeper === undefined) obstacle ??= 'has a static block, which would run again';
      else nameKeepers.push(keeper);
      continue;
    }
    const isField = member.type === 'PropertyDefinition';
    if (member.key.type === 'PrivateIdentifier') {
      if (isField && member.static) obstacle ??= `keeps something in the static field #${member.key.name}`;
      continue;
    }
    const key = keyOf(member.key, member.computed);
    if (key === undefined) obstacle ??= 'has a member with a computed name';
    else if (!isField) methods.push(methodOf(member, key, text));
    else if (member.static) {
      if (member.value && !isConstant(member.value))
        obstacle ??= `computes the value of its static field ${String(key)}, which would be done again`;
      fields.push(String(key));
    }
  }
  return { obstacle, base, methods, fields, nameKeepers };
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

function keyOf(key: Estree.Node, isComputed: boolean): string | symbol | undefined {
  if (key.type === 'Literal') return String(key.value);
  if (!isComputed) return key.type === 'Identifier' ? key.name : undefined;
  if (key.type !== 'MemberExpression' || key.computed || key.property.type !== 'Identifier') return undefined;
  if (key.object.type !== 'Identifier' || key.object.name !== 'Symbol') return undefined;
  const symbol: unknown = Reflect.get(Symbol, key.property.name);
  return typeof symbol === 'symbol' ? symbol : undefined;
}

function methodOf(member: Estree.MethodDefinition, key: string | symbol, text: string): ClassMethod {
  const written = text.slice(...member.range!);
  return {
    key,
    isStatic: member.static,
    part: member.kind === 'get' || member.kind === 'set' ? member.kind : 'value',
    text: member.static ? written.replace(/^static(\s|\/\*.*?\*\/)*/s, '') : written,
  };
}

function isConstant(value: Estree.Expression): boolean {
  return value.type === 'Literal' && !('regex' in value);
}

/**
 * Why the class is not what its text alone would make, to be read after `is a class that`; undefined when it is. Its static
 * fields may have other values.
 * @param isCaptured - whether a variable of that name is one of the program's
 */
export function whyNotAsWritten(
  fn: object & { prototype?: unknown },
  shape: ClassShape,
  isCaptured: (name: string) => boolean,
): string | undefined {
  if (shape.obstacle !== undefined) return shape.obstacle;
  const prototype = fn.prototype as object;
  const { base } = shape;
  if (typeof base === 'string' && (!GLOBAL_NAMES.has(base) || isCaptured(base)))
    return `extends ${base}, which is not stored with it`;
  const parent = base == null ? Function.prototype : (Reflect.get(globalThis, base) as { prototype: object });
  const inherited =
    base === undefined ? Object.prototype : base === null ? null : Reflect.get(parent, 'prototype');
  if (Object.getPrototypeOf(fn) !== parent || Object.getPrototypeOf(prototype) !== inherited)
    return typeof base === 'string'
      ? `extends another ${base} than that of the language, which is not stored with it`
      : 'has another prototype than its text says, which is not stored with it';
  for (const [holder, isStatic] of [
    [fn, true],
    [prototype, false],
  ] as const) {
    const methods = shape.methods.filter(
      method => method.isStatic === isStatic && method.key !== 'constructor',
    );
    const declared = new Set([...methods.map(({ key }) => key), ...(isStatic ? shape.fields : [])]);
    const standard = isStatic ? ['length', 'name', 'prototype'] : ['constructor'];
    const own = Reflect.ownKeys(holder).filter(key => declared.has(key) || !standard.includes(String(key)));
    const stray = own.find(key => !declared.has(key)) ?? [...declared].find(key => !own.includes(key));
    if (stray !== undefined)
      return `has not the members of its text: see ${String(stray)}, which is not stored with it`;
    const changed = methods.find(({ key, part, text }) => {
      const value: unknown = Object.getOwnPropertyDescriptor(holder, key)?.[part];
      return typeof value !== 'function' || Function.prototype.toString.call(value) !== text;
    });
    if (changed !== undefined)
      return `has another member ${String(changed.key)} than its text, which is not stored with it`;
    if (!Object.isExtensible(holder)) return 'is frozen, sealed or not extensible';
  }
  const fields = Object.entries(Object.getOwnPropertyDescriptors(fn)).filter(([key]) =>
    shape.fields.includes(key),
  );
  const isAsDeclared = fields.every(
    ([key, field], index) =>
      key === shape.fields[index] && 'value' in field && field.writable && field.enumerable,
  );
  return isAsDeclared ? undefined : 'has other static fields than its text says';
}
