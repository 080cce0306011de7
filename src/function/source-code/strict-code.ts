import type * as Estree from 'estree';
import { childrenOf } from './syntax-tree.ts';

/** Where code of a script is strict: in classes, and in functions that say so. @param program - with locations */
export function findStrictParts(program: Estree.Program): readonly Estree.SourceLocation[] {
  if (saysStrict(program.body)) return [WHOLE];
  const parts: Estree.SourceLocation[] = [];
  const visit = (node: Estree.Node): void => {
    const isPart =
      node.type === 'ClassDeclaration' ||
      node.type === 'ClassExpression' ||
      ('body' in node &&
        typeof node.body === 'object' &&
        node.body !== null &&
        'type' in node.body &&
        node.body.type === 'BlockStatement' &&
        saysStrict(node.body.body));
    if (isPart) parts.push(node.loc!);
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

function saysStrict(body: readonly Estree.Node[]): boolean {
  for (const statement of body) {
    if (statement.type !== 'ExpressionStatement' || !('directive' in statement)) return false;
    if (statement.directive === 'use strict') return true;
  }
  return false;
}
