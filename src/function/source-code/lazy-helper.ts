import type * as Estree from 'estree';

/**
 * The variable that a helper replaces itself in at its first call, as those of TypeScript and Babel do:
 * `keys = function (o) { keys = Object.getOwnPropertyNames || (o => […]); return keys(o) }`. Undefined for one that does
 * more, or chooses by more than what is there: called twice, as it is where each stored function has variables of its
 * own, it would do something else than called once.
 *
 * @param written - all variables from outside that it assigns to, anywhere in it
 */
export function findLazyName(root: Estree.Function, written: readonly string[]): string | undefined {
  const [name] = written;
  if (name === undefined || written.some(other => other !== name) || root.body.type !== 'BlockStatement')
    return undefined;
  const steps = root.body.body.flatMap((statement): Estree.Node[] => {
    const node = statement.type === 'ExpressionStatement' ? statement.expression : statement;
    if (node.type !== 'ReturnStatement' || !node.argument) return [node];
    return node.argument.type === 'SequenceExpression' ? node.argument.expressions : [node.argument];
  });
  const [assignment, call] = steps;
  if (steps.length !== 2 || assignment?.type !== 'AssignmentExpression' || call?.type !== 'CallExpression')
    return undefined;
  const isReplacement =
    assignment.operator === '=' && isNamed(assignment.left, name) && isChoice(assignment.right);
  const callee = call.callee.type === 'MemberExpression' ? call.callee.object : call.callee;
  return isReplacement && isNamed(callee, name) ? name : undefined;
}

function isNamed(node: Estree.Node, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}

/** Whether an expression gives an equal function each time. */
function isChoice(node: Estree.Node): boolean {
  switch (node.type) {
    case 'Identifier':
    case 'Literal':
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      return true;
    case 'MemberExpression':
      return isChoice(node.object) && (!node.computed || isChoice(node.property));
    case 'UnaryExpression':
      return isChoice(node.argument);
    case 'LogicalExpression':
    case 'BinaryExpression':
      return isChoice(node.left) && isChoice(node.right);
    case 'ConditionalExpression':
      return [node.test, node.consequent, node.alternate].every(isChoice);
    case 'CallExpression':
      // `Object.assign.bind()`
      return (
        node.callee.type === 'MemberExpression' &&
        isNamed(node.callee.property, 'bind') &&
        node.arguments.length === 0 &&
        isChoice(node.callee.object)
      );
    default:
      return false;
  }
}
