/** What tools make of a program: replaced functions of Node, helpers of transpilers, a second copy of this package. */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { createRequire, syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import ts from 'typescript';
import { type AnyFunction, DeferredFunction, DeferredFunctionManager, sweep } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { packageCopy } from '../helpers/package-copy.ts';
import { makeProject, runNode } from '../helpers/program.ts';

function replace(t: TestContext, holder: object, name: string, fn: AnyFunction, isTold: boolean): void {
  const original: unknown = Reflect.get(holder, name);
  Reflect.set(holder, name, fn);
  if (isTold) syncBuiltinESMExports();
  t.after(() => {
    Reflect.set(holder, name, original);
    syncBuiltinESMExports();
  });
}

for (const isTold of [true, false]) {
  test(`a function that a tool has put in the place of one of Node is stored by its name, ${isTold ? '' : 'not '}told to namespaces`, async t => {
    const calls: unknown[] = [];
    const { rm } = fs.promises;
    replace(
      t,
      fs.promises,
      'rm',
      (...args) => calls.push(args) && Reflect.apply(rm, fs.promises, args),
      isTold,
    );
    const deferred = DeferredFunction.create(fs.promises.rm, '/nonexistent-x', { force: true });
    assert.deepEqual(deferred.descriptor, { kind: 'module', module: 'node:fs/promises', export: 'rm' });
    assert.equal(deferred.name, 'rm', 'the replacement has no name');
    await deferred.invoke();
    assert.equal(calls.length, 1, 'as it is now');

    const { rmSync } = fs;
    replace(t, fs, 'rmSync', (...args) => Reflect.apply(rmSync, fs, args), isTold);
    const replaced = fs.rmSync;
    const closure = (): void => replaced('/nonexistent-x', { force: true });
    await DeferredFunction.create(closure).invoke();
    assert.equal(DeferredFunction.create(fs.rmSync, '/x').module, 'node:fs');
  });
}

test('a loader that refuses imports by no file, as that of OpenTelemetry and dd-trace, ends no job', t => {
  const project = makeProject(t, {
    'hooks.mjs': `export async function resolve(specifier, context, next) {
      if (specifier.startsWith('node:') && !context.parentURL?.startsWith('file:')) throw new Error('who imports ' + specifier + '?');
      return next(specifier, context);
    }`,
    'setup.mjs': "import { register } from 'node:module'; register('./hooks.mjs', import.meta.url);",
    'main.mjs': `import { DeferredFunctionManager } from 'deferred-sweep';
      const job = await new DeferredFunctionManager(process.env.BASE).open();
      job.defer(async path => (await import('node:fs')).writeFileSync(path, 'ran'), process.env.LEDGER);
      console.log((await job.close()).ok);`,
  });
  const { stdout, stderr } = runNode(project, ['--no-warnings', '--import', './setup.mjs', 'main.mjs']);
  assert.equal(stdout + stderr, '1\n');
});

test('what a launcher made by a hook of its own, which no option of Node names, is stored by source', async t => {
  const project = makeProject(t, {
    // As ts-node and babel-node do it.
    'launcher.cjs': `const fs = require('node:fs');
      require.extensions['.js'] = (module, file) =>
        module._compile(fs.readFileSync(file, 'utf8').replaceAll('const-of-mine', 'const'), file);
      require('./main.js');`,
    'lib.js': `const-of-mine fs = require('node:fs');
      exports.tell = function tell(ledger, text) { fs.appendFileSync(ledger, text + '\\n'); };`,
    'main.js': `const-of-mine { tell } = require('./lib.js');
      import('deferred-sweep').then(async ({ DeferredFunctionManager }) => {
        const job = await new DeferredFunctionManager(process.env.BASE, { logger: null }).open();
        job.defer(tell, process.env.LEDGER, 'exported');
        job.defer(ledger => tell(ledger, 'captured'), process.env.LEDGER);
        process.kill(process.pid, 'SIGKILL');
      });`,
  });
  const ended = runNode(project, ['launcher.cjs']);
  assert.equal(ended.signal, 'SIGKILL', ended.stderr);
  const report = await sweep(project.base, { logger: null });
  assert.deepEqual([report.ok, report.failed], [2, 0], JSON.stringify(report));
  assert.deepEqual(read(project.ledger), ['exported', 'captured']);
});

test('a function that a program adds to a module of Node is its own', async t => {
  replace(t, fs, 'ours', () => 'mine', false);
  const { ours } = fs as unknown as { ours: AnyFunction };
  const deferred = DeferredFunction.create(ours);
  assert.equal(deferred.descriptor.kind, 'source');
  assert.equal(await deferred.invoke(), 'mine');
});

/** What a CommonJS module made of this TypeScript exports. */
function compiled(t: TestContext, text: string): Record<string, AnyFunction> {
  const directory = freshDirectory(t);
  const compilerOptions = {
    module: ts.ModuleKind.CommonJS,
    target: ts.ScriptTarget.ES2022,
    esModuleInterop: true,
  };
  fs.writeFileSync(join(directory, 'data.json'), '{ "name": "of the file", "list": [1] }');
  const path = join(directory, 'program.cjs');
  fs.writeFileSync(path, ts.transpileModule(text, { compilerOptions }).outputText);
  return createRequire(pathToFileURL(path))(path) as Record<string, AnyFunction>;
}

test('import() as TypeScript makes it for CommonJS, with helpers that replace themselves, is stored', async t => {
  const { make } = compiled(
    t,
    `export const make = () => async () => (await import('node:path')).basename('/a/b');`,
  );
  const fn = make!() as AnyFunction;
  assert.equal(await DeferredFunction.create(fn).invoke(), 'b');
  // After its first call, too.
  await (fn as () => unknown)();
  assert.equal(await DeferredFunction.create(fn).invoke(), 'b');
});

test('data imported under CommonJS loaders is captured as it is', async t => {
  const { make } = compiled(
    t,
    `import data from './data.json'; import * as all from './data.json';
     export const make = () => () => [data.name, all.name, all.list, all.default.name];`,
  );
  assert.deepEqual(await DeferredFunction.create(make!() as AnyFunction).invoke(), [
    'of the file',
    'of the file',
    [1],
    'of the file',
  ]);
  // As esbuild makes it: accessors, on an object of the same prototype.
  const import_data = { a: 1, default: { a: 1 } };
  Object.defineProperty(import_data, 'a', { get: () => 1, enumerable: true });
  assert.deepEqual(
    await DeferredFunction.create(() => [import_data.a, import_data.default.a]).invoke(),
    [1, 1],
  );
});

test('a deferred function of another copy of this package is registered', async t => {
  const other = (await import(packageCopy(t))) as {
    DeferredFunction: typeof DeferredFunction;
  };
  assert.notEqual(other.DeferredFunction, DeferredFunction);
  const base = freshDirectory(t);
  const out = join(base, 'out');
  const job = await new DeferredFunctionManager(base).open();
  job.defer(other.DeferredFunction.create(fs.writeFileSync, out, 'done'));
  assert.equal((await job.close()).ok, 1);
  assert.equal(fs.readFileSync(out, 'utf8'), 'done');
  process.env.OF_THE_COPY = 'kept';
  t.after(() => delete process.env.OF_THE_COPY);
  const withVariable = other.DeferredFunction.capture(fs.rmSync, [out], { env: ['OF_THE_COPY'] });
  assert.deepEqual({ ...DeferredFunction.from(withVariable)?.env }, { OF_THE_COPY: 'kept' });
  Object.defineProperty(withVariable, 'env', { value: { OF_THE_COPY: 1 } });
  assert.throws(() => DeferredFunction.from(withVariable), { code: 'DEFERRED_STATE_CORRUPT' });
});

test('a promise in the place of a function is told from it', async t => {
  const job = await new DeferredFunctionManager(freshDirectory(t)).open();
  const called = Promise.resolve();
  assert.throws(() => job.defer(called as never), {
    name: 'TypeError',
    message: /you called it; pass the function, and its arguments after it/,
  });
  await job.close();
});

test('the advice for a URL leads to the file', () => {
  assert.throws(() => DeferredFunction.create(fs.promises.rm, new URL('file:///x') as never), {
    code: 'DEFERRED_VALUE_REFUSED',
    message: /pass fileURLToPath\(value\) where a path is meant/,
  });
});
