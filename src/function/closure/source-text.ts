import { createRequire } from 'node:module';
import type * as EslintScope from 'eslint-scope';
import type * as Estree from 'estree';
import { parseSyntax } from '../source-code/syntax-tree.ts';
import { type ClassShape, describeClass } from './as-written.ts';
import { findSurroundings, memberReadFrom, type Surroundings } from './lexical-use.ts';

// Scope analyser and parser take 30 ms to load; a process that captures no function does without.
const require = createRequire(import.meta.url);

/** A variable that a function uses and does not declare. */
export interface FreeVariable {
  readonly name: string;
  /** The properties it is read for when it is used for nothing else, as in `lib.a(lib.b)`. */
  readonly members: readonly string[] | undefined;
  /** True when its `typeof` is asked, as code does that can do without it. */
  readonly isGuarded: boolean;
  readonly isAssigned: boolean;
}

export interface SourceAnalysis extends Surroundings {
  /** An expression of the same function; the text of a method alone is none. */
  readonly expression: string;
  /** How many characters of `expression` stand before the text as it was written. */
  readonly prefixLength: number;
  /** Of a class; undefined for functions. */
  readonly shape: ClassShape | undefined;
  readonly isGenerator: boolean;
  /** How many parameters a function has before the first with a default value: its `length`. */
  readonly length: number;
  /** True when it assigns to its own name, which in an expression is constant. */
  readonly replacesItself: boolean;
  /** The name by which its text mentions the function itself; undefined where it does not. */
  readonly ownName: string | undefined;
  readonly freeVariables: readonly FreeVariable[];
}

/**
 * Undefined for what is not the text of a function in the language: native and bound functions have none.
 * @param name - the function's `name`, for methods with a computed one
 * @param isModule - ES modules have other reserved words
 */
export function analyzeSource(text: string, name: string, isModule: boolean): SourceAnalysis | undefined {
  const whole = analyze(`(${text})`, 1, isModule);
  if (whole !== undefined) return whole;
  const method = parseMethod(text, isModule);
  if (method !== undefined) {
    // `rm(path) {}` may not become `function rm(path) {}`: that would hide the variable `rm` from its body.
    const { async, generator } = method.function;
    const key = JSON.stringify(name);
    const head = `({ ${async ? 'async ' : ''}${generator ? '*' : ''}[${key}]`;
    const expression = `${head}${text.slice(method.parametersAt)} })[${key}]`;
    const analysis = analyze(expression, head.length - method.parametersAt, isModule);
    if (analysis !== undefined) return analysis;
  }
  const inFunction = analyze(`(function () { return (${text}) })`, 1, isModule);
  return inFunction && { ...inFunction, expression: `(${text})`, bound: ['new.target'] };
}

function parseMethod(
  text: string,
  isModule: boolean,
): { function: Estree.FunctionExpression; parametersAt: number } | undefined {
  const prefix = '({';
  const statement = parseSyntax(`${prefix}${text}})`, isModule, { ranges: true })?.body[0];
  if (statement?.type !== 'ExpressionStatement' || statement.expression.type !== 'ObjectExpression')
    return undefined;
  const [property] = statement.expression.properties;
  if (property?.type !== 'Property' || property.value.type !== 'FunctionExpression') return undefined;
  return { function: property.value, parametersAt: property.value.range![0] - prefix.length };
}

/** The function or class that a program consists of. */
function functionOf(program: Estree.Program | undefined): Estree.Function | Estree.Class | undefined {
  const statement = program?.body[0];
  if (statement?.type !== 'ExpressionStatement') return undefined;
  let node = statement.expression;
  if (node.type === 'MemberExpression' && node.object.type === 'ObjectExpression') {
    const [property] = node.object.properties;
    if (property?.type === 'Property') node = property.value as Estree.Expression;
  }
  const isFunction = /^(FunctionExpression|ArrowFunctionExpression|ClassExpression)$/.test(node.type);
  return isFunction ? (node as Estree.Function | Estree.Class) : undefined;
}

/** Undefined when the expression is no function. */
function analyze(expression: string, prefixLength: number, isModule: boolean): SourceAnalysis | undefined {
  const program = parseSyntax(expression, isModule, { ranges: true });
  const node = functionOf(program);
  if (program === undefined || node === undefined) return undefined;
  const eslintScope = require('eslint-scope') as typeof EslintScope;
  const manager = eslintScope.analyze(program, {
    ecmaVersion: 2025,
    sourceType: isModule ? 'module' : 'script',
    ignoreEval: true,
  });
  const { parents, ...surroundings } = findSurroundings(program, node);
  const byName = new Map<string, Estree.Identifier[]>();
  const assigned = new Set<string>();
  for (const reference of manager.globalScope?.through ?? []) {
    const identifier = reference.identifier as Estree.Identifier;
    if (reference.isWrite()) assigned.add(identifier.name);
    byName.set(identifier.name, [...(byName.get(identifier.name) ?? []), identifier]);
  }
  const own = manager.scopes.find(
    ({ type, block }) => type === 'function-expression-name' && block === (node as Estree.Node),
  )?.variables[0];
  const freeVariables = Array.from(byName, ([name, identifiers]): FreeVariable => {
    const members = identifiers.map(identifier => memberReadFrom(identifier, parents));
    const users = identifiers.map(identifier => parents.get(identifier));
    return {
      name,
      members: members.includes(undefined) ? undefined : [...new Set(members as string[])],
      isAssigned: assigned.has(name),
      isGuarded: users.some(user => user?.type === 'UnaryExpression' && user.operator === 'typeof'),
    };
  });
  return {
    expression,
    prefixLength,
    shape: node.type === 'ClassExpression' ? describeClass(node) : undefined,
    length: lengthOf(node),
    isGenerator: 'generator' in node && node.generator === true,
    ...surroundings,
    replacesItself: own?.references.some(reference => reference.isWrite()) === true,
    ownName: own?.references.length ? own.name : undefined,
    freeVariables,
  };
}

function lengthOf(node: Estree.Function | Estree.Class): number {
  if (!('params' in node)) return 0;
  const first = node.params.findIndex(({ type }) => /^(AssignmentPattern|RestElement)$/.test(type));
  return first === -1 ? node.params.length : first;
}
