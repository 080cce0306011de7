import { createRequire } from 'node:module';
import type * as Acorn from 'acorn';
import type * as Estree from 'estree';
import { isErrorNamed } from '../../errors.ts';

// Loaded when needed: a process that captures no function does without.
const require = createRequire(import.meta.url);

/** The syntax tree of a text; undefined when it has syntax that V8 knows and the parser does not yet. */
export function parseSyntax(
  text: string,
  isModule: boolean,
  options: Partial<Acorn.Options>,
): Estree.Program | undefined {
  const { parse } = require('acorn') as typeof Acorn;
  try {
    return parse(text, {
      ecmaVersion: 'latest',
      sourceType: isModule ? 'module' : 'script',
      // What only means something where it was written shall be named in the refusal, not be a syntax error.
      allowSuperOutsideMethod: true,
      checkPrivateFields: false,
      ...options,
    } as Acorn.Options) as unknown as Estree.Program;
  } catch (error) {
    if (isErrorNamed(error, 'SyntaxError')) return undefined;
    throw error;
  }
}

export function childrenOf(node: Estree.Node): Estree.Node[] {
  return nodesIn(Object.values(node).flat());
}

/** The nodes that a part of a node is, or has as a list. */
export function nodesIn(part: unknown): Estree.Node[] {
  return (Array.isArray(part) ? part : [part]).filter(isNode);
}

export function isNamed(node: Estree.Node, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}

/** What a chain of members begins with: `a` of `a.b.c`. */
export function rootOf(node: Estree.Node): Estree.Node {
  return node.type === 'MemberExpression' ? rootOf(node.object) : node;
}

/** The variables that a pattern declares or assigns to. */
export function boundNames(pattern: Estree.Node): string[] {
  switch (pattern.type) {
    case 'Identifier':
      return [pattern.name];
    case 'ObjectPattern':
      return pattern.properties.flatMap(boundNames);
    case 'Property':
      return boundNames(pattern.value);
    case 'ArrayPattern':
      return pattern.elements.flatMap(element => (element ? boundNames(element) : []));
    case 'AssignmentPattern':
      return boundNames(pattern.left);
    case 'RestElement':
      return boundNames(pattern.argument);
    default:
      return [];
  }
}

/** Whether a position is in a stretch of text. @param line - from 1; @param column - from 0 */
export function contains({ start, end }: Estree.SourceLocation, line: number, column: number): boolean {
  const isAfter = line > start.line || (line === start.line && column >= start.column);
  return isAfter && (line < end.line || (line === end.line && column < end.column));
}

function isNode(value: unknown): value is Estree.Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
