/** Programs in ES syntax that a require hook compiles, as @babel/register does, in `.js` files of no declared type. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { sweep } from '#dist/index.js';
import { linkPackage, packageRoot } from '../helpers/command-line.ts';
import { sample } from '../helpers/size.ts';

const typescript = createRequire(import.meta.url).resolve('typescript');

const files = {
  'package.json': '{}',
  'hook.cjs': `const ts = require(${JSON.stringify(typescript)});
    const load = require.extensions['.js'];
    require.extensions['.js'] = (module, path) => {
      if (!path.startsWith(__dirname) || path.includes('node_modules')) return load(module, path);
      const compilerOptions = { module: ts.ModuleKind.CommonJS, target: ts.ScriptTarget.ES2022 };
      const text = require('node:fs').readFileSync(path, 'utf8');
      module._compile(ts.transpileModule(text, { compilerOptions }).outputText, path);
    };`,
  'start.cjs': `require('./hook.cjs'); require('./program.js');`,
  'cleanup.js': `import { appendFileSync } from 'node:fs';
    export function clean(path) { appendFileSync(path, 'exported '); }`,
  'program.js': `import { DeferredFunctionManager } from 'deferred-sweep';
    import { appendFileSync } from 'node:fs';
    import { clean } from './cleanup.js';
    async function main() {
      const [base, out] = process.argv.slice(2);
      const job = await new DeferredFunctionManager(base, { logger: null }).open();
      job.defer(clean, out);
      job.defer(path => appendFileSync(path, 'captured '), out);
      process.kill(process.pid, 'SIGKILL');
    }
    main();`,
};

function makeProject(t: TestContext, changed: Record<string, string> = {}): string {
  const root = mkdtempSync(join(packageRoot, 'dist-test', 'project-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries({ ...files, ...changed })) writeFileSync(join(root, name), text);
  linkPackage(root);
  return root;
}

/**
 * Runs a program that is killed, then sweeps: `okCount` functions have run, and what they wrote is `written`. Returns what the
 * program printed.
 */
async function assertSwept(root: string, argv: string[], okCount: number, written: string): Promise<string> {
  const [base, out] = [join(root, 'base'), join(root, 'out')];
  const options = { cwd: root, encoding: 'utf8' as const };
  const { signal, stdout, stderr } = spawnSync(process.execPath, [...argv, base, out], options);
  assert.equal(signal, 'SIGKILL', stderr);
  const { ok, failed } = await sweep(base, { logger: null });
  assert.deepEqual([ok, failed], [okCount, 0]);
  assert.equal(readFileSync(out, 'utf8'), written);
  return stdout;
}

for (const argv of sample([['start.cjs'], ['-r', './hook.cjs', 'program.js']], 1)) {
  test(`ES syntax that a require hook compiles is deferred and run: node ${argv.join(' ')}`, async t => {
    await assertSwept(makeProject(t), argv, 2, 'exported captured ');
  });
}

test('a preload that compiles nothing is not taken for the hook', async t => {
  const root = makeProject(t, {
    'other.cjs': "require('node:path');",
    'cleanup.js': files['cleanup.js'].replace('(path)', '(path: string)'),
  });
  await assertSwept(root, ['-r', './other.cjs', 'start.cjs'], 2, 'exported captured ');
});

test('a default export is found by a closure, too', async t => {
  const root = makeProject(t, {
    'cleanup.js': files['cleanup.js'].replace('function clean', 'default function clean'),
    'program.js': files['program.js']
      .replace('{ clean }', 'clean')
      .replace("path => appendFileSync(path, 'captured ')", 'path => clean(path)'),
  });
  await assertSwept(root, ['-r', './hook.cjs', 'program.js'], 2, 'exported exported ');
});

test('where a hook made two functions of one name, none is run in the place of the other', async t => {
  const root = makeProject(t, {
    'cleanup.js': `const { appendFileSync } = require('node:fs');
      module.exports = path => appendFileSync(path, 'exports ');
      module.exports.default = path => appendFileSync(path, 'default ');`,
    'program.js': files['program.js'].replace('{ clean }', 'clean'),
  });
  const [base, out] = [join(root, 'base'), join(root, 'out')];
  spawnSync(process.execPath, ['-r', './hook.cjs', 'program.js', base, out], { cwd: root });
  const { ok, failed } = await sweep(base, { logger: null });
  assert.deepEqual([ok, failed], [1, 1]);
  assert.equal(readFileSync(out, 'utf8'), 'captured ');
});

test('a file that a require hook compiled is never imported past the hook', async t => {
  // `import()` would take this file as it is written: as an ES module, in which names need their extensions.
  const root = makeProject(t, {
    'cleanup.js': `import { write } from './write';
      export const clean = path => write(path, import.meta);`,
    'write.js': `import { appendFileSync } from 'node:fs';
      export const write = (path, meta) => appendFileSync(path, meta.compiled);`,
    'hook.cjs': files['hook.cjs']
      .replace('module._compile(', "module._compile('let meta = { compiled: `yes ` };' + ")
      .replace('.outputText', ".outputText.replaceAll('import.meta', 'meta')"),
    'program.js': `${files['program.js'].replace("path => appendFileSync(path, 'captured ')", 'path => clean(path)')}`,
  });
  await assertSwept(root, ['-r', './hook.cjs', 'program.js'], 2, 'yes yes ');
});

test('a closure takes no module that only a hook of the program can load: of it, what it uses', async t => {
  const root = makeProject(t, {
    'cleanup.js': `import { appendFileSync } from 'node:fs';
      export function clean(path, text) { appendFileSync(path, text + ' '); }`,
    'program.js': `import { DeferredFunctionManager } from 'deferred-sweep';
      import * as cleanup from './cleanup.js';
      const lib = require('./cleanup.js');
      async function main() {
        const [base, out] = process.argv.slice(2);
        const job = await new DeferredFunctionManager(base, { logger: null }).open();
        job.defer(() => cleanup.clean(out, 'imported'));
        job.defer(() => lib.clean(out, 'required'));
        try {
          job.defer(() => Object.values(lib)[0](out, 'whole'));
        } catch (error) {
          console.log(error.code, error.message);
        }
        process.kill(process.pid, 'SIGKILL');
      }
      main();`,
  });
  const stdout = await assertSwept(root, ['start.cjs'], 2, 'imported required ');
  assert.match(stdout, /^DEFERRED_FUNCTION_REFUSED .*uses an imported module as a whole/);
});

test('a closure takes no ES module that only a hook of the program compiles as it is', async t => {
  const root = makeProject(t, {
    'register.mjs': `import { register } from 'node:module';
      register('./hook.mjs', import.meta.url);
      await import('./program.mjs');`,
    'hook.mjs': `export async function load(url, context, next) {
        const loaded = await next(url, context);
        return url.endsWith('/cleanup.mjs') ? { ...loaded, source: String(loaded.source).replace('raw', 'made') } : loaded;
      }`,
    'cleanup.mjs': `import { appendFileSync } from 'node:fs';
      export function clean(path) { appendFileSync(path, 'raw '); }`,
    'program.mjs': `import { DeferredFunctionManager } from 'deferred-sweep';
      import * as cleanup from './cleanup.mjs';
      const [base, out] = process.argv.slice(2);
      const job = await new DeferredFunctionManager(base, { logger: null }).open();
      job.defer(() => cleanup.clean(out));
      process.kill(process.pid, 'SIGKILL');`,
  });
  await assertSwept(root, ['register.mjs'], 1, 'made ');
});
