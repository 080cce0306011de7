import { createRequire } from 'node:module';
import type * as Acorn from 'acorn';
import type * as Estree from 'estree';
import { isErrorNamed } from './native-error.ts';
import { childrenOf } from './syntax-tree.ts';
import { describeTopLevel, type TopLevel } from './top-level.ts';

const require = createRequire(import.meta.url);

/** What the import and export declarations of an ES module say. */
export interface ModuleDeclarations {
  /** Exported name → the module's own variable, unless that may hold something else than what evaluating the module gives. */
  readonly exports: ReadonlyMap<string, string>;
  /** The expression or nameless function after `export default`, which no variable holds. */
  readonly defaultExport: Estree.Node | undefined;
  /** Variable of `import * as name` → specifier. */
  readonly namespaces: ReadonlyMap<string, string>;
  readonly topLevel: TopLevel;
}

/** What the top level of a script does, such as that of a CommonJS module; undefined when it cannot be parsed. */
export function parseTopLevel(text: string): TopLevel | undefined {
  const program = parseText(text, { sourceType: 'script', allowReturnOutsideFunction: true });
  return program && describeTopLevel(program);
}

function parseText(text: string, options: Partial<Acorn.Options>): Estree.Program | undefined {
  const { parse } = require('acorn') as typeof Acorn;
  try {
    return parse(text, {
      ecmaVersion: 'latest',
      allowHashBang: true,
      locations: true,
      ...options,
    }) as unknown as Estree.Program;
  } catch (error) {
    // Syntax that V8 knows and the parser does not yet: the function can still be stored by its source.
    if (isErrorNamed(error, 'SyntaxError')) return undefined;
    throw error;
  }
}

/** The declarations of a module's text, or undefined when it cannot be parsed. */
export function parseDeclarations(text: string): ModuleDeclarations | undefined {
  const program = parseText(text, { sourceType: 'module' });
  if (program === undefined) return undefined;
  const exports = new Map<string, string>();
  const namespaces = new Map<string, string>();
  let defaultExport: Estree.Node | undefined;
  for (const node of program.body) {
    if (node.type === 'ImportDeclaration') {
      for (const specifier of node.specifiers) {
        if (specifier.type === 'ImportNamespaceSpecifier') {
          namespaces.set(specifier.local.name, String(node.source.value));
        }
      }
    } else if (node.type === 'ExportDefaultDeclaration') {
      const { declaration } = node;
      if (declaration.type === 'Identifier') exports.set('default', declaration.name);
      else if (
        /^(Function|Class)Declaration$/.test(declaration.type) &&
        'id' in declaration &&
        declaration.id
      ) {
        exports.set('default', declaration.id.name);
      } else defaultExport = declaration as Estree.Node;
    } else if (node.type === 'ExportNamedDeclaration' && node.source == null) {
      for (const [exported, local] of exportedNames(node)) exports.set(exported, local);
    }
  }
  for (const name of namesAssignedLater(program)) {
    for (const [exported, local] of exports) if (local === name) exports.delete(exported);
  }
  return { exports, defaultExport, namespaces, topLevel: describeTopLevel(program) };
}

/**
 * Names that functions assign to: what such a variable holds now, another process that imports the module does not find
 * in it. Of a local variable of the same name it says so too; then an export is stored by source, which is as good.
 */
function namesAssignedLater(program: Estree.Program): ReadonlySet<string> {
  const names = new Set<string>();
  const visit = (node: Estree.Node, inFunction: boolean): void => {
    if (inFunction)
      for (const target of targetsOf(node)) for (const name of boundNames(target)) names.add(name);
    const isInside = inFunction || /Function/.test(node.type);
    for (const [child] of childrenOf(node)) visit(child, isInside);
  };
  visit(program, false);
  return names;
}

function targetsOf(node: Estree.Node): readonly Estree.Pattern[] {
  switch (node.type) {
    case 'AssignmentExpression':
      return [node.left as Estree.Pattern];
    case 'UpdateExpression':
      return [node.argument as Estree.Pattern];
    case 'ForInStatement':
    case 'ForOfStatement':
      return node.left.type === 'VariableDeclaration' ? [] : [node.left];
    default:
      return [];
  }
}

function* exportedNames(node: Estree.ExportNamedDeclaration): Iterable<[exported: string, local: string]> {
  for (const { exported, local } of node.specifiers) {
    if (exported.type === 'Identifier' && local.type === 'Identifier') yield [exported.name, local.name];
  }
  const { declaration } = node;
  if (declaration?.type === 'VariableDeclaration') {
    for (const { id } of declaration.declarations) for (const name of boundNames(id)) yield [name, name];
  } else if (declaration?.id) yield [declaration.id.name, declaration.id.name];
}

function* boundNames(pattern: Estree.Pattern | Estree.Property): Iterable<string> {
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
