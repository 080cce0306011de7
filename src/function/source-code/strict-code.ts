import type * as Estree from 'estree';
import { childrenOf } from './syntax-tree.ts';

/** Where code of a script is strict: in classes, and in functions that say so. @param program - with locations */
export function findStrictParts(program: Estree.Program): readonly Estree.SourceLocation[] {
  if (saysStrict(program)) return [WHOLE];
  const parts: Estree.SourceLocation[] = [];
  const visit = (node: Estree.Node): void => {
    const isStrictFunction = /Function/.test(node.type) && saysStrict((node as Estree.Function).body);
    if (isStrictFunction || /^Class/.test(node.type)) parts.push(node.loc!);
    else for (const child of childrenOf(node)) visit(child);
  };
  visit(program);
  return parts;
}

/** From the first character to the last. */
export const WHOLE: Estree.SourceLocation = {
  start: { line: 0, column: 0 },
  end: { line: Number.POSITIVE_INFINITY, column: 0 },
};

function saysStrict(code: Estree.Node): boolean {
  if (code.type !== 'Program' && code.type !== 'BlockStatement') return false;
  for (const statement of code.body) {
    if (statement.type !== 'ExpressionStatement' || !('directive' in statement)) return false;
    if (statement.directive === 'use strict') return true;
  }
  return false;
}
