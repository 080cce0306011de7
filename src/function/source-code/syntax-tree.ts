/** Syntax trees of JavaScript, as ESTree names their nodes. */

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

/** The nodes directly below a node of a syntax tree, each with the property that holds it. */
export function* childrenOf(node: Estree.Node): Iterable<[child: Estree.Node, property: string]> {
  for (const [property, held] of Object.entries(node)) {
    for (const item of Array.isArray(held) ? held : [held]) if (isNode(item)) yield [item, property];
  }
}

function isNode(value: unknown): value is Estree.Node {
  return typeof value === 'object' && value !== null && 'type' in value && typeof value.type === 'string';
}
