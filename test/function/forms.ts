/** The forms programs are run in: what a loader, a bundler or a test runner makes of the same sources. */
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { packageRoot } from '../helpers/command-line.ts';
import type { Form } from '../helpers/fn-project.ts';
import { onlyFull } from '../helpers/size.ts';

const modules = join(packageRoot, 'node_modules');
const bin = (name: string): string => join(modules, '.bin', name);
const [major = 0] = process.versions.node.split('.').map(Number);

const plain: Form = {
  label: 'plain node',
  language: 'js',
  deployed: 'library.js',
  stores: 'modules',
  skip: false,
  command: (root, plan) => [process.execPath, join(root, 'worker.js'), plan],
};

const c8: Form = {
  ...plain,
  label: 'c8 coverage',
  command: (root, plan) => [
    process.execPath,
    ...[bin('c8'), '--reporter=json', `--reports-dir=${join(root, 'coverage')}`],
    ...[process.execPath, join(root, 'worker.js'), plan],
  ],
};

const tsx: Form = {
  ...plain,
  label: 'tsx',
  language: 'ts',
  deployed: 'library.ts',
  command: (root, plan) => [
    process.execPath,
    '--import',
    import.meta.resolve('tsx'),
    join(root, 'worker.ts'),
    plan,
  ],
};

const typeStripping: Form = {
  ...plain,
  label: 'native type stripping',
  language: 'ts',
  deployed: 'library.ts',
  skip: major < 22 && `NOT TESTED: Node ${process.versions.node} does not strip types, 22.18 and later do`,
  command: (root, plan) => [process.execPath, join(root, 'worker.ts'), plan],
};

function bundledBy(label: string, ...options: string[]): Form {
  return {
    label,
    language: 'ts',
    deployed: 'bundle.mjs',
    stores: 'bundled',
    skip: false,
    build: root => {
      const common = [
        '--bundle',
        '--platform=node',
        '--format=esm',
        '--external:deferred-sweep',
        '--log-level=error',
      ];
      execFileSync(bin('esbuild'), [
        join(root, 'worker.ts'),
        `--outfile=${join(root, 'bundle.mjs')}`,
        ...common,
        ...options,
      ]);
    },
    command: (root, plan) => [process.execPath, join(root, 'bundle.mjs'), plan],
  };
}

/** Each file on its own made a CommonJS module. */
function toCommonJs(label: string, transpile: (path: string) => string): Form {
  return {
    label,
    language: 'ts',
    deployed: 'library.js',
    stores: 'commonjs',
    skip: false,
    build: root => {
      writeFileSync(join(root, 'package.json'), '{ "type": "commonjs" }');
      for (const name of readdirSync(root).filter(name => /^[a-z-]+\.ts$/.test(name))) {
        // What only ES modules can do.
        if (/^(early|defer-imported)/.test(name)) continue;
        const text = transpile(join(root, name)).replaceAll(/(["'])(\.\/[\w-]+)\.ts\1/g, '$1$2.js$1');
        writeFileSync(join(root, name.replace('.ts', '.js')), text);
      }
    },
    command: (root, plan) => [process.execPath, join(root, 'worker.js'), plan],
  };
}

const typescript = toCommonJs('TypeScript to CommonJS', path => {
  // It takes most of a second to load.
  const ts = createRequire(import.meta.url)('typescript') as typeof import('typescript');
  const compilerOptions = {
    module: ts.ModuleKind.CommonJS,
    target: ts.ScriptTarget.ES2016,
    esModuleInterop: true,
  };
  return ts.transpileModule(readFileSync(path, 'utf8'), { compilerOptions }).outputText;
});

const esbuildCommonJs = toCommonJs('esbuild to CommonJS', path =>
  execFileSync(
    bin('esbuild'),
    // Strict as the ES module it is made of, which esbuild only says where told so, and not what some directory above says.
    [
      ...[path, '--format=cjs', '--platform=node', '--target=es2016', '--log-level=error'],
      `--tsconfig-raw=${JSON.stringify({ compilerOptions: { alwaysStrict: true } })}`,
    ],
    { encoding: 'utf8' },
  ),
);

function inVitest(pool: 'forks' | 'threads'): Form {
  return {
    label: `vitest, ${pool}`,
    language: 'ts',
    deployed: 'library.ts',
    stores: 'vitest',
    skip: false,
    build: root => renameSync(join(root, 'defer.vitest.ts'), join(root, 'defer.test.ts')),
    command: root => [
      process.execPath,
      ...[
        join(modules, 'vitest', 'vitest.mjs'),
        'run',
        `--root=${root}`,
        `--pool=${pool}`,
        '--testTimeout=120000',
      ],
    ],
    env: plan => ({ FN_PROJECT_PLAN: plan }),
  };
}

/** One of each kind. */
const always: readonly Form[] = [
  plain,
  tsx,
  typeStripping,
  bundledBy('minified bundle', '--minify'),
  { ...bundledBy('bundle for an old target', '--target=es2016'), stores: 'lowered' },
  typescript,
  inVitest('forks'),
];

const others: readonly Form[] = [
  c8,
  bundledBy('esbuild bundle'),
  bundledBy('minified bundle that keeps names', '--minify', '--keep-names'),
  esbuildCommonJs,
  inVitest('threads'),
];

export const FORMS: readonly Form[] = [
  ...always,
  ...others.map(form => ({ ...form, skip: form.skip || onlyFull })),
];
