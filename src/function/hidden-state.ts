import type * as Estree from 'estree';
import { childrenOf } from './syntax-tree.ts';

/**
 * The first static `#field` of a class that is more than a constant: what it holds by now is not in the text, and no
 * inspector is asked for it. Undefined when there is none.
 */
export function findHiddenState(root: Estree.Class): string | undefined {
  const fields = root.body.body.flatMap(member =>
    member.type === 'PropertyDefinition' && member.static && member.key.type === 'PrivateIdentifier'
      ? [{ name: member.key.name, value: member.value }]
      : [],
  );
  if (fields.length === 0) return undefined;
  const written = writtenNames(root);
  const found = fields.find(({ name, value }) => written.has(name) || !isConstant(value));
  return found && `#${found.name}`;
}

function isConstant(value: Estree.Expression | null | undefined): boolean {
  if (!value) return true;
  return /^(Literal|ArrowFunctionExpression|FunctionExpression)$/.test(value.type) && !('regex' in value);
}

/** Names of private members that are given new values anywhere in the class. */
function writtenNames(root: Estree.Node): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: Estree.Node, isTarget: boolean): void => {
    if (isTarget && node.type === 'MemberExpression' && node.property.type === 'PrivateIdentifier')
      names.add(node.property.name);
    for (const [child, property] of childrenOf(node)) visit(child, isPattern(node, property, isTarget));
  };
  visit(root, false);
  return names;
}

/** Whether what stands there is assigned to: the left of an assignment, and what a pattern there is made of. */
function isPattern(parent: Estree.Node, key: string, isTarget: boolean): boolean {
  switch (parent.type) {
    case 'AssignmentExpression':
    case 'ForInStatement':
    case 'ForOfStatement':
      return key === 'left';
    case 'UpdateExpression':
      return true;
    case 'ArrayPattern':
    case 'ObjectPattern':
    case 'RestElement':
      return isTarget;
    case 'Property':
      return isTarget && key === 'value';
    case 'AssignmentPattern':
      return isTarget && key === 'left';
    default:
      return false;
  }
}
