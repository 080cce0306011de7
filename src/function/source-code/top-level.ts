import type * as Estree from 'estree';
import type { CallPosition } from '../module/call-stack.ts';
import { GLOBAL_NAMES } from './globals.ts';
import { childrenOf, contains } from './syntax-tree.ts';

/** What evaluating a module does, as far as its text tells. */
export interface TopLevel {
  /** True when a statement of its own calls something that may run a program: `main()`, `await run()`, `(async () => {})()`. */
  readonly startsWork: boolean;
  /** Whether a position is outside of all functions: it is evaluating then. */
  isOutsideFunctions(position: CallPosition): boolean;
}

/** @param program - with locations */
export function describeTopLevel(program: Estree.Program): TopLevel {
  const functions: Estree.SourceLocation[] = [];
  let startsWork = false;
  const visit = (node: Estree.Node, isStatement: boolean): void => {
    if (/Function/.test(node.type)) {
      if (node.loc) functions.push(node.loc);
      return;
    }
    if (isStatement && node.type === 'ExpressionStatement' && isWork(node.expression)) startsWork = true;
    const isBlock = /^(Program|BlockStatement|IfStatement|TryStatement|LabeledStatement|CatchClause)$/.test(
      node.type,
    );
    for (const child of childrenOf(node)) visit(child, isStatement && isBlock);
  };
  visit(program, true);
  return {
    startsWork,
    isOutsideFunctions: ({ line, column }) => !functions.some(stretch => contains(stretch, line, column - 1)),
  };
}

/** Whether an expression calls a function of the program; not what transpilers and module systems call to set up a module. */
function isWork(node: Estree.Node): boolean {
  switch (node.type) {
    case 'AwaitExpression':
    case 'UnaryExpression':
      return isWork(node.argument);
    case 'LogicalExpression':
      return isWork(node.right);
    case 'ConditionalExpression':
      return isWork(node.consequent) || isWork(node.alternate);
    case 'SequenceExpression':
      return node.expressions.some(isWork);
    case 'NewExpression':
      return node.callee.type !== 'Identifier' || !GLOBAL_NAMES.has(node.callee.name);
    case 'CallExpression':
      return isWorkOf(node.callee, node.arguments.length);
    default:
      return false;
  }
}

function isWorkOf(callee: Estree.Node, argumentCount: number): boolean {
  switch (callee.type) {
    case 'Identifier':
      return !/^(require|exports|module|define|_.*)$/.test(callee.name) && !GLOBAL_NAMES.has(callee.name);
    case 'MemberExpression':
      // `import('../main.js').then(…)`
      return callee.object.type === 'ImportExpression' || isWorkOf(callee.object, argumentCount);
    case 'CallExpression':
    case 'NewExpression':
      return isWork(callee);
    case 'FunctionExpression':
    case 'ArrowFunctionExpression':
      // TypeScript's enums and namespaces, and UMD modules, are calls with arguments.
      return argumentCount === 0;
    default:
      return false;
  }
}
