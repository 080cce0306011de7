import type * as Estree from 'estree';
import { GLOBAL_NAMES } from './globals.ts';
import { boundNames, isNamed, nodesIn, rootOf } from './syntax-tree.ts';

/** What is done with an expression's value: nothing that changes it, something that does or may, or it goes elsewhere. */
type Use = 'read' | 'passed' | 'changed' | 'called';

/** By the type of a node: what it does with the values of its parts, where it does not just read them. `own`: as is done with its own. */
const USES: Readonly<Record<string, Readonly<Record<string, Use | 'own'>>>> = {
  AssignmentExpression: { right: 'passed' },
  VariableDeclarator: { init: 'passed' },
  ReturnStatement: { argument: 'passed' },
  YieldExpression: { argument: 'passed' },
  ArrowFunctionExpression: { body: 'passed' },
  ArrayExpression: { elements: 'passed' },
  ObjectExpression: { properties: 'passed' },
  Property: { value: 'own' },
  ConditionalExpression: { consequent: 'own', alternate: 'own' },
  LogicalExpression: { left: 'own', right: 'own' },
  SequenceExpression: { expressions: 'own' },
};

/** What the code of a file does to variables, by their names: of another variable of the same name it says so too. */
export class StateChanges {
  /** Given new values by functions: what they hold is not what evaluating the file gives. */
  readonly assigned: Set<string> = new Set();
  /** Whose objects functions change, or hand to code that may; `name.member` where only an object in there is handed on. */
  readonly changed: Set<string> = new Set();
  /** Whose objects functions change for certain: by an assignment to a member. */
  readonly mutated: Set<string> = new Set();
  /** Of whose objects functions call a method that is none for reading: a collection is changed by that. */
  readonly called: Set<string> = new Set();
  /** As `changed`, anywhere in the file. */
  readonly everChanged: Set<string> = new Set();
  /** Exports of a CommonJS module that functions assign to: `exports.n = 1`. */
  readonly exported: Set<string> = new Set();

  constructor(program: Estree.Program) {
    this.#visit(program, 'read', false);
  }

  #visit(node: Estree.Node, use: Use, inFunction: boolean): void {
    const inside = inFunction || /Function/.test(node.type);
    switch (node.type) {
      case 'Identifier':
        if (use !== 'read') this.#note(node.name, inFunction);
        if (use === 'changed' && inFunction) this.mutated.add(node.name);
        if (use === 'called' && inFunction) this.called.add(node.name);
        return;
      case 'MemberExpression':
        this.#visitMember(node, use, inside);
        return;
      case 'CallExpression':
      case 'NewExpression':
        this.#visitCall(node, inside);
        return;
      case 'AssignmentExpression':
      case 'ForInStatement':
      case 'ForOfStatement':
        this.#assign(node.left, inside);
        break;
      case 'UnaryExpression':
      case 'UpdateExpression':
        if (/^(\+\+|--|delete)$/.test(node.operator)) this.#assign(node.argument, inside);
    }
    for (const [key, part] of Object.entries(node)) {
      const given = USES[node.type]?.[key] ?? 'read';
      for (const child of nodesIn(part)) this.#visit(child, given === 'own' ? use : given, inside);
    }
  }

  #visitMember({ object, property, computed }: Estree.MemberExpression, use: Use, inside: boolean): void {
    if (use === 'passed' && object.type === 'Identifier' && property.type === 'Identifier' && !computed)
      this.#note(`${object.name}.${property.name}`, inside);
    else this.#visit(object, use, inside);
    if (computed) this.#visit(property, 'read', inside);
  }

  #visitCall(
    { callee, arguments: given }: Estree.SimpleCallExpression | Estree.NewExpression,
    inside: boolean,
  ): void {
    const member = callee.type === 'MemberExpression' ? callee : undefined;
    const method = member?.property.type === 'Identifier' ? member.property.name : '';
    this.#visit(member?.object ?? callee, member && !READING.has(method) ? 'called' : 'read', inside);
    const root = rootOf(callee);
    const isOfLanguage =
      root.type === 'Identifier' && GLOBAL_NAMES.has(root.name) && !/^(assign|define|set)/.test(method);
    for (const argument of given) this.#visit(argument, isOfLanguage ? 'read' : 'passed', inside);
  }

  /** A declaration in the head of a loop assigns to no variable but its own. */
  #assign(target: Estree.Node, inside: boolean): void {
    if (target.type === 'MemberExpression') {
      if (inside && isExports(target.object) && target.property.type === 'Identifier')
        this.exported.add(target.property.name);
      this.#visit(target.object, 'changed', inside);
    } else if (inside) for (const name of boundNames(target)) this.assigned.add(name);
  }

  #note(name: string, inFunction: boolean): void {
    this.everChanged.add(name);
    if (inFunction) this.changed.add(name);
  }
}

/** `exports` or `module.exports` */
function isExports(node: Estree.Node): boolean {
  if (node.type !== 'MemberExpression') return isNamed(node, 'exports');
  return isNamed(node.object, 'module') && isNamed(node.property, 'exports');
}

/** Methods of arrays, maps and sets that leave them as they are. */
const READING: ReadonlySet<string> = new Set(
  `at concat entries every filter find findIndex findLast findLastIndex flat flatMap forEach get has hasOwnProperty includes
  indexOf join keys lastIndexOf map reduce reduceRight slice some toReversed toSorted toSpliced toString values with`.split(
    /\s+/,
  ),
);
