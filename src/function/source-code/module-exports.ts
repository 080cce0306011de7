import type * as Estree from 'estree';
import { boundNames, type StateChanges } from './state-changes.ts';

/** What the import and export declarations of an ES module say. */
export interface ModuleDeclarations {
  /** Exported name → the module's own variable, unless that may hold something else than what evaluating the module gives. */
  readonly exports: ReadonlyMap<string, string>;
  /** The expression or nameless function after `export default`, which no variable holds. */
  readonly defaultExport: Estree.Node | undefined;
  /** Variable of `import * as name` → specifier. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** Variable of `import { name as variable }` → name; `default` for a default import. */
  readonly imports: ReadonlyMap<string, string>;
  /** The names under which a variable is exported. */
  namesOf(local: string): readonly string[];
}

/** The declarations of a module. @param changes - what its functions do to its variables */
export function readDeclarations(program: Estree.Program, changes: StateChanges): ModuleDeclarations {
  const exports = new Map<string, string>();
  const namespaces = new Map<string, string>();
  const imports = new Map<string, string>();
  let defaultExport: Estree.Node | undefined;
  for (const node of program.body) {
    if (node.type === 'ImportDeclaration') {
      for (const specifier of node.specifiers) {
        const { local } = specifier;
        if (specifier.type === 'ImportNamespaceSpecifier')
          namespaces.set(local.name, String(node.source.value));
        else if (specifier.type === 'ImportDefaultSpecifier') imports.set(local.name, 'default');
        else if (specifier.imported.type === 'Identifier') imports.set(local.name, specifier.imported.name);
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
  const all = [...exports];
  for (const [exported, local] of all) if (changes.assigned.has(local)) exports.delete(exported);
  const namesOf = (local: string) => all.flatMap(([exported, name]) => (name === local ? [exported] : []));
  return { exports, defaultExport, namespaces, imports, namesOf };
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
