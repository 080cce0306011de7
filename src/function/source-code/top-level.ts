import type * as Estree from 'estree';
import type { CallPosition } from '../module/call-stack.ts';
import { GLOBAL_NAMES } from './globals.ts';
import { childrenOf, contains, rootOf } from './syntax-tree.ts';

/** What evaluating a module does, as far as its text tells. */
export class TopLevel {
  /** True when a statement of its own calls something that may run a program: `main()`, `await run()`, `(async () => {})()`. */
  startsWork = false;
  readonly #functions: Estree.SourceLocation[] = [];

  /** @param program - with locations */
  constructor(program: Estree.Program) {
    this.#visit(program, true);
  }

  /** Whether a position is outside of all functions: it is evaluating then. */
  isOutsideFunctions({ line, column }: CallPosition): boolean {
    return !this.#functions.some(stretch => contains(stretch, line, column - 1));
  }

  #visit(node: Estree.Node, isStatement: boolean): void {
    if (/Function/.test(node.type)) {
      this.#functions.push(node.loc!);
      return;
    }
    if (isStatement && node.type === 'ExpressionStatement' && isWork(node.expression)) this.startsWork = true;
    const isBlock = /^(Program|BlockStatement|IfStatement|TryStatement|LabeledStatement|CatchClause)$/;
    const areStatements = isStatement && isBlock.test(node.type);
    for (const child of childrenOf(node)) this.#visit(child, areStatements);
  }
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
    case 'CallExpression': {
      const root = rootOf(node.callee);
      if (root.type === 'Identifier')
        return !/^(require|exports|module|define|_.*)$/.test(root.name) && !GLOBAL_NAMES.has(root.name);
      // TypeScript's enums and namespaces, and UMD modules, are calls with arguments.
      if (/Function/.test(root.type)) return node.arguments.length === 0;
      // `import('../main.js').then(…)`
      return root.type === 'ImportExpression' || isWork(root);
    }
    default:
      return false;
  }
}
