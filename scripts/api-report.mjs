/**
 * The public surface as the compiler emitted it: every export of every entry point, without comments.
 * `node scripts/api-report.mjs` compares it with scripts/api-report.txt and fails where they differ; `--write` renews that file.
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';

const root = new URL('../', import.meta.url);
const report = new URL('scripts/api-report.txt', root);
const manifest = JSON.parse(readFileSync(new URL('package.json', root), 'utf8'));
const entries = Object.entries(manifest.exports).filter(([, target]) => typeof target === 'object');
const paths = entries.map(([, { types }]) => fileURLToPath(new URL(types, root)));
const program = ts.createProgram(paths, {
  module: ts.ModuleKind.NodeNext,
  moduleResolution: ts.ModuleResolutionKind.NodeNext,
  types: ['node'],
});
const checker = program.getTypeChecker();
const printer = ts.createPrinter({ removeComments: true });

const sections = entries.map(([name], index) => {
  const source = program.getSourceFile(paths[index]);
  const exported = checker.getExportsOfModule(checker.getSymbolAtLocation(source));
  const texts = exported.map(declarationOf).sort();
  return `// ${manifest.name}${name.slice(1)}\n\n${texts.join('\n')}`;
});
const now = `${sections.join('\n\n')}\n`;

if (process.argv.includes('--write')) writeFileSync(report, now);
else if (readFileSync(report, 'utf8') !== now) {
  writeFileSync(new URL('build/api-report.txt', root), now);
  console.error(
    'api-report: the public surface is not what scripts/api-report.txt says; compare it with build/api-report.txt, and if the ' +
      'change is meant, run: node scripts/api-report.mjs --write',
  );
  process.exit(1);
}

function declarationOf(symbol) {
  const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol;
  return target.declarations
    .map(node => {
      // The statement has the `const` of a variable.
      const statement = ts.isVariableDeclaration(node) ? node.parent.parent : node;
      return printer.printNode(ts.EmitHint.Unspecified, statement, statement.getSourceFile());
    })
    .join('\n');
}
