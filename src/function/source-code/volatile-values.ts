import type * as Estree from 'estree';
import { boundNames, childrenOf, isNamed } from './syntax-tree.ts';

/** Modules of Node whose functions give something else each time, or make it. */
const SOURCES = /^(node:)?(fs|fs\/promises|os|crypto|child_process|perf_hooks|process|worker_threads)$/;

/**
 * Variables of a file's top level whose values are made by a call into the file system, of random numbers, the clock or
 * the process: `const dir = mkdtempSync(…)`. Evaluated again, the file has others.
 */
export function findVolatile(program: Estree.Program): ReadonlySet<string> {
  const sources = new Set(['Date', 'crypto', 'performance', 'process']);
  const found = new Set<string>();
  const declarations = program.body.flatMap(node => {
    if (node.type === 'ImportDeclaration' && SOURCES.test(String(node.source.value)))
      for (const { local } of node.specifiers) sources.add(local.name);
    const declared = node.type === 'ExportNamedDeclaration' ? node.declaration : node;
    return declared?.type === 'VariableDeclaration' ? declared.declarations : [];
  });
  for (const { id, init } of declarations) {
    if (!init) continue;
    const required = requiredModule(init);
    const isSource = required === undefined ? isVolatile(init, sources) : SOURCES.test(required);
    for (const name of isSource ? boundNames(id) : []) (required === undefined ? found : sources).add(name);
  }
  return found;
}

function requiredModule(node: Estree.Node): string | undefined {
  if (node.type === 'MemberExpression') return requiredModule(node.object);
  if (node.type !== 'CallExpression' || !isNamed(node.callee, 'require')) return undefined;
  const [specifier] = node.arguments;
  return specifier?.type === 'Literal' ? String(specifier.value) : undefined;
}

function isVolatile(node: Estree.Node, sources: ReadonlySet<string>): boolean {
  if (/Function/.test(node.type)) return false;
  if (node.type === 'CallExpression' || node.type === 'NewExpression') {
    let root: Estree.Node = node.callee;
    while (root.type === 'MemberExpression') {
      if (root.property.type === 'Identifier' && root.property.name === 'random') return true;
      root = root.object;
    }
    if (root.type === 'Identifier' && sources.has(root.name)) return true;
  }
  if (node.type === 'MemberExpression' && isNamed(node.object, 'process'))
    return node.property.type === 'Identifier' && /^(pid|ppid|title|argv)$/.test(node.property.name);
  return childrenOf(node).some(child => isVolatile(child, sources));
}
