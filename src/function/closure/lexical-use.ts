import type * as Estree from 'estree';
import { childrenOf } from '../source-code/syntax-tree.ts';

/** What a function's text takes from where it was written, other than variables. */
export interface Surroundings {
  /** `lexical`: an arrow function's own `this`; `call`: that of a function, given by its caller. */
  readonly thisUse: 'lexical' | 'call' | undefined;
  /** In words, what has no meaning elsewhere: `super`, `#private`, `import.meta`, `new.target`. */
  readonly bound: readonly string[];
}

interface Context {
  /** Whose `this` it is here: the text's surroundings', the function's, or something inside's. */
  readonly owner: 'lexical' | 'call' | 'inner';
  readonly hasSuper: boolean;
  readonly privateNames: ReadonlySet<string>;
}

/** Of each node the one above it. */
type Parents = ReadonlyMap<Estree.Node, Estree.Node>;

/** What a program that consists of one function or class takes from its surroundings. Scope analysers report variables only. */
export function findSurroundings(
  program: Estree.Program,
  root: Estree.Function | Estree.Class,
): Surroundings & { readonly parents: Parents } {
  const parents = new Map<Estree.Node, Estree.Node>();
  const bound = new Set<string>();
  let thisUse: Surroundings['thisUse'];

  const visit = (node: Estree.Node, parent: Estree.Node, context: Context): void => {
    parents.set(node, parent);
    switch (node.type) {
      case 'ThisExpression':
        if (context.owner !== 'inner') thisUse = context.owner;
        return;
      case 'Super':
        if (!context.hasSuper) bound.add('super');
        return;
      case 'PrivateIdentifier':
        if (!context.privateNames.has(node.name)) bound.add(`#${node.name}`);
        return;
      case 'MetaProperty':
        if (node.meta.name === 'import') bound.add('import.meta');
        return;
      case 'CallExpression':
        if (isAwaiterCall(node)) {
          for (const child of node.arguments.slice(1)) {
            if (child.type === 'FunctionExpression') visitChildren(child, context);
            else visit(child, node, context);
          }
          visit(node.callee, node, context);
          return;
        }
        break;
      case 'ClassExpression':
      case 'ClassDeclaration':
        visitClass(node, context);
        return;
      case 'FunctionExpression':
      case 'FunctionDeclaration':
        visitChildren(node, { ...context, owner: node === root ? 'call' : 'inner' });
        return;
      case 'Property': {
        // A method of an object literal may say `super`; the root, written as one by us, has lost its own, and what is no
        // method has that of the function around it.
        const isMethod = (node.method || node.kind !== 'init') && (node.value as Estree.Node) !== root;
        visitChildren(node, { ...context, hasSuper: context.hasSuper || isMethod });
        return;
      }
    }
    visitChildren(node, context);
  };

  const visitClass = (node: Estree.Class, outer: Context): void => {
    const declared = node.body.body.flatMap(member =>
      'key' in member && member.key.type === 'PrivateIdentifier' ? [member.key.name] : [],
    );
    const context = { ...outer, privateNames: new Set([...outer.privateNames, ...declared]) };
    const inside: Context = { ...context, owner: 'inner', hasSuper: true };
    if (node.superClass) visit(node.superClass, node, context);
    for (const member of node.body.body) {
      if (member.type === 'StaticBlock') {
        visitChildren(member, inside);
        continue;
      }
      if (member.computed) visit(member.key as Estree.Node, member, context);
      if (member.value) visit(member.value, member, inside);
    }
  };

  const visitChildren = (node: Estree.Node, context: Context): void => {
    for (const child of childrenOf(node)) visit(child, node, context);
  };

  const owner = root.type === 'ArrowFunctionExpression' ? 'lexical' : 'inner';
  visitChildren(program, { owner, hasSuper: false, privateNames: new Set() });
  return { thisUse, bound: [...bound], parents };
}

/**
 * `__awaiter(this, void 0, void 0, function* () {…})`: what TypeScript and esbuild make of an async function for older
 * targets. The `this` is there to be handed to the inner function; only if that uses it, it is used.
 */
function isAwaiterCall(node: Estree.SimpleCallExpression): boolean {
  return (
    node.callee.type === 'Identifier' &&
    /^__(awaiter|async)$/.test(node.callee.name) &&
    node.arguments[0]?.type === 'ThisExpression'
  );
}

/** The property that is read from a variable, when that is all that it is mentioned for. */
export function memberReadFrom(variable: Estree.Node, parents: Parents): string | undefined {
  const member = parents.get(variable);
  if (member?.type !== 'MemberExpression' || member.object !== variable) return undefined;
  const user = parents.get(member);
  const isWritten =
    (user?.type === 'AssignmentExpression' && user.left === member) ||
    user?.type === 'UpdateExpression' ||
    (user?.type === 'UnaryExpression' && user.operator === 'delete');
  if (isWritten) return undefined;
  const { property, computed } = member;
  if (!computed) return property.type === 'Identifier' ? property.name : undefined;
  return property.type === 'Literal' && typeof property.value === 'string' ? property.value : undefined;
}
