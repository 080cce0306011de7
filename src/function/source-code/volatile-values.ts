import type * as Estree from 'estree';
import { boundNames, childrenOf, isNamed, rootOf } from './syntax-tree.ts';

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
  const call = rootOf(node);
  if (call.type !== 'CallExpression' || !isNamed(call.callee, 'require')) return undefined;
  const [specifier] = call.arguments;
  return specifier?.type === 'Literal' ? String(specifier.value) : undefined;
}

function isVolatile(node: Estree.Node, sources: ReadonlySet<string>): boolean {
  if (/Function/.test(node.type)) return false;
  const isCall = node.type === 'CallExpression' || node.type === 'NewExpression';
  if (isCall && isSource(node.callee, sources)) return true;
  if (node.type === 'MemberExpression' && isNamed(node.object, 'process'))
    return node.property.type === 'Identifier' && /^(pid|ppid|title|argv)$/.test(node.property.name);
  return childrenOf(node).some(child => isVolatile(child, sources));
}

function isSource(callee: Estree.Node, sources: ReadonlySet<string>): boolean {
  if (callee.type !== 'MemberExpression') return callee.type === 'Identifier' && sources.has(callee.name);
  return isNamed(callee.property, 'random') || isSource(callee.object, sources);
}
