import type * as Estree from 'estree';
import { childrenOf, isNamed } from './syntax-tree.ts';

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

/** Whether an expression gives an equal function each time. */
function isChoice(node: Estree.Node): boolean {
  if (/^(Arrow)?FunctionExpression$/.test(node.type)) return true;
  // `Object.assign.bind()`
  const isBinding =
    node.type === 'CallExpression' &&
    node.callee.type === 'MemberExpression' &&
    isNamed(node.callee.property, 'bind') &&
    node.arguments.length === 0;
  const isPart = /^(Identifier|Literal|(Member|Unary|Logical|Binary|Conditional)Expression)$/.test(node.type);
  return (isBinding || isPart) && childrenOf(node).every(isChoice);
}
