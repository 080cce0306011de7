import type * as Estree from 'estree';
import { type InspectedFunction, readScript, type Script } from '../inspector/inspector.ts';
import { parseFile } from './state-changes.ts';
import { childrenOf } from './syntax-tree.ts';

/** Where code of a script is strict: in classes, and in functions that say so. */
const strictParts = new WeakMap<Script, readonly Estree.SourceLocation[]>();

/** Whether a function is strict code: of an ES module, of a class, or under `'use strict'`. */
export function isStrict({ script, line, column }: InspectedFunction): boolean {
  if (script.isModule) return true;
  let parts = strictParts.get(script);
  if (parts === undefined) {
    parts = findStrictParts(readScript(script));
    strictParts.set(script, parts);
  }
  return parts.some(({ start, end }) => {
    const isAfter = line + 1 > start.line || (line + 1 === start.line && column >= start.column);
    return isAfter && (line + 1 < end.line || (line + 1 === end.line && column < end.column));
  });
}

function findStrictParts(text: string): Estree.SourceLocation[] {
  // Most scripts are one or the other as a whole, and large ones take long to parse.
  if (!/\bclass\b|(['"])use strict\1/.test(text)) return [];
  const program = parseFile(text, false);
  // Newer syntax than the parser's: then what the script begins with counts.
  if (program === undefined)
    return /^(?:#!.*)?(?:\s|\/\/.*|\/\*[\s\S]*?\*\/)*(['"])use strict\1/.test(text) ? [WHOLE] : [];
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
    else for (const [child] of childrenOf(node)) visit(child);
  };
  visit(program);
  return parts;
}

const WHOLE: Estree.SourceLocation = {
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
