import type * as Estree from 'estree';
import { childrenOf } from './syntax-tree.ts';

/** Where the code of a script is strict: all of it, in classes, and in functions that say so. @param node - with locations */
export function findStrictParts(node: Estree.Node): readonly Estree.SourceLocation[] {
  const saying = /Function/.test(node.type) ? (node as Estree.Function).body : node;
  const isStrict = /^Class/.test(node.type) || saysStrict(saying);
  return isStrict ? [node.loc!] : childrenOf(node).flatMap(findStrictParts);
}

function saysStrict(code: Estree.Node): boolean {
  if (code.type !== 'Program' && code.type !== 'BlockStatement') return false;
  return code.body.some(statement => 'directive' in statement && statement.directive === 'use strict');
}
