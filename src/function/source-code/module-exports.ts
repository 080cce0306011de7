import type * as Estree from 'estree';
import type { StateChanges } from './state-changes.ts';
import { boundNames } from './syntax-tree.ts';

/** What the import and export declarations of an ES module say. */
export class ModuleDeclarations {
  /** Exported name → the module's own variable, unless that may hold something else than what evaluating the module gives. */
  readonly exports: Map<string, string> = new Map();
  /** The expression or nameless function after `export default`, which no variable holds. */
  defaultExport: Estree.Node | undefined;
  /** Variable of `import * as name` → specifier. */
  readonly namespaces: Map<string, string> = new Map();
  /** Variable of `import { name as variable }` → name; `default` for a default import. */
  readonly imports: Map<string, string> = new Map();
  readonly #exported = new Map<string, string>();

  /** @param changes - what the functions of the module do to its variables */
  constructor({ body }: Estree.Program, changes: StateChanges) {
    for (const node of body) this.#read(node);
    for (const [name, local] of this.#exported)
      if (!changes.assigned.has(local)) this.exports.set(name, local);
  }

  /** The names under which a variable is exported. */
  namesOf(local: string): string[] {
    return [...this.#exported].flatMap(([name, variable]) => (variable === local ? [name] : []));
  }

  #read(node: Estree.Program['body'][number]): void {
    if (node.type === 'ImportDeclaration') {
      for (const specifier of node.specifiers) {
        const { local } = specifier;
        if (specifier.type === 'ImportNamespaceSpecifier')
          this.namespaces.set(local.name, String(node.source.value));
        else if (specifier.type === 'ImportDefaultSpecifier') this.imports.set(local.name, 'default');
        else if (specifier.imported.type === 'Identifier')
          this.imports.set(local.name, specifier.imported.name);
      }
    } else if (node.type === 'ExportDefaultDeclaration') {
      const declaration = node.declaration as Estree.Node;
      const [name] = declaredNames(declaration);
      if (name === undefined) this.defaultExport = declaration;
      else this.#exported.set('default', name);
    } else if (node.type === 'ExportNamedDeclaration' && node.source == null) {
      for (const name of declaredNames(node.declaration)) this.#exported.set(name, name);
      for (const { exported, local } of node.specifiers)
        if (exported.type === 'Identifier' && local.type === 'Identifier')
          this.#exported.set(exported.name, local.name);
    }
  }
}

/** The variables behind an export: one that is named, or those of a declaration. */
function declaredNames(node: Estree.Node | null | undefined): string[] {
  if (node?.type === 'Identifier') return [node.name];
  if (node?.type === 'VariableDeclaration') return node.declarations.flatMap(({ id }) => boundNames(id));
  const isDeclaration = node?.type === 'FunctionDeclaration' || node?.type === 'ClassDeclaration';
  return isDeclaration && node.id ? [node.id.name] : [];
}
