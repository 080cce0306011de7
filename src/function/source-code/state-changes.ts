import type * as Estree from 'estree';
import { GLOBAL_NAMES } from './globals.ts';
import { childrenOf, parseSyntax } from './syntax-tree.ts';

/** What the code of a file does to variables, by their names: of another variable of the same name it says so too. */
export interface StateChanges {
  /** Given new values by functions: what they hold is not what evaluating the file gives. */
  readonly assigned: ReadonlySet<string>;
  /** Whose objects functions change, or hand to code that may; `name.member` where only an object in there is handed on. */
  readonly changed: ReadonlySet<string>;
  /** Whose objects functions change for certain: by an assignment to a member. */
  readonly mutated: ReadonlySet<string>;
  /** Of whose objects functions call a method that is none for reading: a collection is changed by that. */
  readonly called: ReadonlySet<string>;
  /** As `changed`, anywhere in the file. */
  readonly everChanged: ReadonlySet<string>;
  /** Exports of a CommonJS module that functions assign to: `exports.n = 1`. */
  readonly exported: ReadonlySet<string>;
}

/** The syntax tree of a file's text, with locations; undefined when it has syntax that V8 knows and the parser does not yet. */
export function parseFile(text: string, isModule: boolean): Estree.Program | undefined {
  return parseSyntax(text, isModule, {
    allowHashBang: true,
    allowReturnOutsideFunction: !isModule,
    locations: true,
  });
}

export function findChanges(program: Estree.Program): StateChanges {
  const finder = new Finder();
  finder.visit(program, 'read', false);
  return finder;
}

/** What is done with an expression's value: nothing that changes it, something that does or may, or it goes elsewhere. */
type Use = 'read' | 'passed' | 'changed' | 'called';

class Finder implements StateChanges {
  readonly assigned = new Set<string>();
  readonly changed = new Set<string>();
  readonly mutated = new Set<string>();
  readonly called = new Set<string>();
  readonly everChanged = new Set<string>();
  readonly exported = new Set<string>();

  visit(node: Estree.Node, use: Use, inFunction: boolean): void {
    const inside = inFunction || /Function/.test(node.type);
    switch (node.type) {
      case 'Identifier':
        if (use !== 'read') this.#note(node.name, inFunction);
        if (use === 'changed' && inFunction) this.mutated.add(node.name);
        if (use === 'called' && inFunction) this.called.add(node.name);
        return;
      case 'MemberExpression':
        if (
          use === 'passed' &&
          node.object.type === 'Identifier' &&
          node.property.type === 'Identifier' &&
          !node.computed
        )
          this.#note(`${node.object.name}.${node.property.name}`, inside);
        else this.visit(node.object, use, inside);
        if (node.computed) this.visit(node.property, 'read', inside);
        return;
      case 'AssignmentExpression':
        this.#assign(node.left, inside);
        this.visit(node.right, 'passed', inside);
        return;
      case 'UpdateExpression':
        this.#assign(node.argument as Estree.Pattern, inside);
        return;
      case 'UnaryExpression':
        this.visit(node.argument, node.operator === 'delete' ? 'changed' : 'read', inside);
        return;
      case 'ForInStatement':
      case 'ForOfStatement':
        if (node.left.type !== 'VariableDeclaration') this.#assign(node.left, inside);
        this.visit(node.right, 'read', inside);
        this.visit(node.body, 'read', inside);
        return;
      case 'CallExpression':
      case 'NewExpression':
        this.#call(node, inside);
        return;
      case 'VariableDeclarator':
        if (node.init) this.visit(node.init, 'passed', inside);
        return;
      case 'ReturnStatement':
      case 'YieldExpression':
      case 'ArrayExpression':
        for (const child of childrenOf(node)) this.visit(child, 'passed', inside);
        return;
      case 'Property':
        if (node.computed) this.visit(node.key as Estree.Node, 'read', inside);
        this.visit(node.value as Estree.Node, 'passed', inside);
        return;
      case 'ConditionalExpression':
        this.visit(node.test, 'read', inside);
        this.visit(node.consequent, use, inside);
        this.visit(node.alternate, use, inside);
        return;
      case 'LogicalExpression':
      case 'SequenceExpression':
        for (const child of childrenOf(node)) this.visit(child, use, inside);
        return;
      case 'ArrowFunctionExpression':
        for (const child of childrenOf(node))
          this.visit(child, child === node.body ? 'passed' : 'read', true);
        return;
      default:
        for (const child of childrenOf(node)) this.visit(child, 'read', inside);
    }
  }

  #note(name: string, inFunction: boolean): void {
    this.everChanged.add(name);
    if (inFunction) this.changed.add(name);
  }

  #call(node: Estree.CallExpression | Estree.NewExpression, inside: boolean): void {
    const { callee } = node;
    const method =
      callee.type === 'MemberExpression' && callee.property.type === 'Identifier' ? callee.property.name : '';
    if (callee.type === 'MemberExpression')
      this.visit(callee.object, READING.has(method) ? 'read' : 'called', inside);
    else this.visit(callee, 'read', inside);
    let root: Estree.Node = callee;
    while (root.type === 'MemberExpression') root = root.object;
    const isOfLanguage =
      root.type === 'Identifier' && GLOBAL_NAMES.has(root.name) && !/^(assign|define|set)/.test(method);
    for (const argument of node.arguments) this.visit(argument, isOfLanguage ? 'read' : 'passed', inside);
  }

  #assign(target: Estree.Pattern, inside: boolean): void {
    if (target.type === 'MemberExpression') {
      if (inside && isExports(target.object) && target.property.type === 'Identifier')
        this.exported.add(target.property.name);
      this.visit(target.object, 'changed', inside);
    } else if (inside) for (const name of boundNames(target)) this.assigned.add(name);
  }
}

/** `exports` or `module.exports` */
function isExports(node: Estree.Node): boolean {
  if (node.type === 'MemberExpression')
    return isNamed(node.object, 'module') && isNamed(node.property, 'exports');
  return isNamed(node, 'exports');
}

function isNamed(node: Estree.Node, name: string): boolean {
  return node.type === 'Identifier' && node.name === name;
}

/** Methods of arrays, maps and sets that leave them as they are. */
const READING: ReadonlySet<string> = new Set(
  `at concat entries every filter find findIndex findLast findLastIndex flat flatMap forEach get has hasOwnProperty includes
  indexOf join keys lastIndexOf map reduce reduceRight slice some toReversed toSorted toSpliced toString values with`.split(
    /\s+/,
  ),
);

/** The variables that a pattern declares or assigns to. */
export function* boundNames(pattern: Estree.Pattern | Estree.Property): Iterable<string> {
  switch (pattern.type) {
    case 'Identifier':
      yield pattern.name;
      break;
    case 'ObjectPattern':
      for (const property of pattern.properties) {
        yield* boundNames(property.type === 'Property' ? (property.value as Estree.Pattern) : property);
      }
      break;
    case 'ArrayPattern':
      for (const element of pattern.elements) if (element) yield* boundNames(element);
      break;
    case 'AssignmentPattern':
      yield* boundNames(pattern.left);
      break;
    case 'RestElement':
      yield* boundNames(pattern.argument);
      break;
  }
}
