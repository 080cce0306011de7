/** What is deferred does, from its record, what it would have done; where that cannot be, it is refused by name. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import cluster from 'node:cluster';
import { webcrypto } from 'node:crypto';
import { promises as dnsPromises } from 'node:dns';
import { writeFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { type TestContext, test } from 'node:test';
import { scheduler } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { compileFunction } from 'node:vm';
import { decodeDescriptor, encodeDescriptor } from '#dist/function/descriptor.js';
import { type AnyFunction, DeferredFunction, DeferredSweepError } from '#dist/index.js';
import { commandLinePath } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { onlyFull } from '../helpers/size.ts';

/** What an ES module of this text exports. */
async function moduleOf(t: TestContext, text: string): Promise<Record<string, AnyFunction>> {
  const path = join(freshDirectory(t), 'library.mjs');
  writeFileSync(path, text);
  return (await import(pathToFileURL(path).href)) as Record<string, AnyFunction>;
}

/** The function that a script of this text returns. */
const inScript = (text: string, filename = '/srv/app/script.js'): AnyFunction =>
  (compileFunction(text, ['require'], { filename }) as (require: unknown) => AnyFunction)(
    createRequire(pathToFileURL(filename)),
  );

function assertRefused(fn: AnyFunction, ...says: readonly string[]): void {
  assert.throws(
    () => DeferredFunction.create(fn),
    error => {
      assert.ok(error instanceof DeferredSweepError, String(error));
      assert.equal(error.code, 'DEFERRED_FUNCTION_REFUSED');
      for (const part of says) assert.ok(error.message.includes(part), error.message);
      return true;
    },
  );
}

/** Where the function is found again: its export, or `source`. */
function placeOf(deferred: DeferredFunction): string {
  const { descriptor } = deferred;
  return descriptor.kind === 'module' ? descriptor.export : descriptor.kind;
}

test('what a default export returns is not taken for the default export', async t => {
  const exported = await moduleOf(t, `export default () => () => 'inner';`);
  const inner = DeferredFunction.create(exported.default!() as AnyFunction);
  assert.equal(placeOf(inner), 'source');
  assert.equal(await inner.invoke(), 'inner');
  assert.equal(placeOf(DeferredFunction.create(exported.default!)), 'default');

  for (const text of [
    'export default { make: () => async () => 1 }',
    'export default { make: () =>\n () => 1 }',
  ]) {
    const { default: object } = await moduleOf(t, text);
    const { make } = object as unknown as { make: AnyFunction };
    assert.equal(placeOf(DeferredFunction.create(make() as AnyFunction)), 'source', text);
    assert.equal(placeOf(DeferredFunction.create(make)), 'default.make', text);
  }
  for (const text of [
    'export default x => x',
    'export default async (x) => x',
    'export default function(){}',
  ]) {
    const { default: fn } = await moduleOf(t, text);
    assert.equal(placeOf(DeferredFunction.create(fn!)), 'default', text);
  }
});

test('a module that import() takes for a promise is no place to find a function in', async t => {
  const { clean } = await moduleOf(
    t,
    `export const then = give => give({ clean });
     export function clean() { return 'clean' }`,
  );
  const deferred = DeferredFunction.create(clean!);
  assert.equal(placeOf(deferred), 'source');
  assert.equal(await deferred.invoke(), 'clean');
});

test('an exported variable that functions assign to is no place to find a function in', async t => {
  const { cleanup, current, init, fixed } = await moduleOf(
    t,
    `export let cleanup = () => 'nothing';
     function first() { return 'first' }
     function second() { return 'second' }
     export let current = first;
     export function init(path) { cleanup = () => 'rm ' + path; [{ current }] = [{ current: second }]; }
     export let fixed = first;
     fixed = second;`,
  );
  assert.equal(placeOf(DeferredFunction.create(fixed!)), 'fixed');
  init!('/scratch');
  const exported = await import(DeferredFunction.create(fixed!).module);
  assert.notEqual(exported.cleanup, cleanup);
  assert.notEqual(exported.current, current);
  for (const [name, result] of Object.entries({ cleanup: 'rm /scratch' })) {
    const deferred = DeferredFunction.create(exported[name] as AnyFunction);
    assert.equal(placeOf(deferred), 'source');
    assert.equal(await deferred.invoke(), result);
  }
  // Its other export is a place.
  assert.equal(placeOf(DeferredFunction.create(exported.current as AnyFunction)), 'fixed');
});

test('a variable with a function in it that one function assigns and another uses is refused', () => {
  let handler = () => 'before';
  const replace = () => {
    handler = () => 'after';
  };
  assertRefused(() => [replace(), handler()], 'replace', 'assigns to the variable handler', 'state.handler');
  assert.equal(placeOf(DeferredFunction.create(replace)), 'source');
});

test('a variable called __proto__ is refused', () => {
  assertRefused(
    inScript('const __proto__ = () => 5; return () => __proto__()'),
    'called __proto__',
    'another name',
  );
});

test('a variable whose name has a character beyond U+FFFF is refused', () => {
  assertRefused(inScript('const \u{20bb7} = 5; return () => \u{20bb7}'), 'called \u{20bb7}', 'another name');
  const { descriptor } = DeferredFunction.create(inScript('const path = 5; return () => path'));
  const hostile = { ...descriptor, variables: ['\u{20bb7}'] };
  assert.throws(() => decodeDescriptor(encodeDescriptor(hostile as typeof descriptor)), {
    code: 'DEFERRED_STATE_CORRUPT',
  });
});

test('a function written inside of a with statement is refused', () => {
  const text = "const path = 'outside'; let fn; with (Object.create({ path: 'inside' })) { fn = () => path }";
  assertRefused(inScript(`${text} return fn`), 'with', 'as arguments');
  assertRefused(inScript(`${text} return () => fn()`), 'captured function fn', 'with');
  const inside = inScript('return o => { with (o) { return path } }');
  assertRefused(inside, 'variable path');
});

test('super is refused in an object literal of a method too, and is no matter in a method of the literal', async () => {
  const literal = {
    read(): object {
      return { text: super.toString() };
    },
    make(): string {
      return {
        toString() {
          return `${typeof super.toString}`;
        },
      }.toString();
    },
  };
  assertRefused(literal.read, 'uses super');
  assert.equal(await DeferredFunction.create(literal.make).invoke(), 'function');
});

test('a function that replaces itself is refused', async () => {
  const helper = 'function id() { const made = {}; id = () => made; return id() }';
  assertRefused(inScript(`${helper} return () => id() === id()`), 'id', 'assigns to its own name');
  assertRefused(inScript(`${helper} return id`), 'id', 'assigns to its own name', 'another name');
  assertRefused(
    inScript('let once = () => { once = () => 2; return 1 }; return () => [once(), once()]'),
    'assigns to the variable once',
  );
  const typeOf = 'function _typeof(o) { return _typeof = o => typeof o, _typeof(o) }';
  assertRefused(inScript(`${typeOf} return () => _typeof(1)`), '_typeof', 'assigns to its own name');
  const shadowing = inScript('return function clean() { let clean = 1; return ++clean }');
  assert.equal(await DeferredFunction.create(shadowing).invoke(), 2);
});

const CLASSES: Readonly<Record<string, string>> = {
  'a method put into it': 'class A {} A.prototype.clean = () => 1; return () => new A().clean()',
  'data put into its prototype': 'class A {} A.prototype.data = 1; return () => new A().data',
  'a method replaced': 'class A { clean() {} } A.prototype.clean = () => 1; return () => new A().clean()',
  'a static method replaced': 'class A { static clean() {} } A.clean = () => 1; return () => A.clean()',
  'an accessor replaced':
    "class A { get a() {} } Object.defineProperty(A.prototype, 'a', { get: () => 1 }); return () => new A().a",
  'another prototype': 'class A {} Object.setPrototypeOf(A.prototype, { clean() {} }); return () => new A()',
};

for (const [label, text] of Object.entries(CLASSES)) {
  test(`a captured class is refused with ${label}`, () => {
    assertRefused(inScript(text), 'captured function A', 'which is not stored with it');
  });
}

const FUNCTIONS: Readonly<Record<string, string>> = {
  'util.inherits': "function A() {} require('util').inherits(A, require('events')); return () => new A().on",
  'a prototype made by Object.create':
    'function A() {} A.prototype = Object.create({ clean() {} }); return () => new A().clean',
  'a prototype of its own': 'const a = () => 1; return (Object.setPrototypeOf(a, { b: 1 }), () => a.b)',
  'a parent': 'function B() {} function A() {} Object.setPrototypeOf(A, B); return () => new A()',
};

const NAMES: Readonly<Record<string, PropertyDescriptor>> = {
  'a number': { value: 5 },
  'an accessor': { get: () => 'clean' },
  'half of a surrogate pair': { value: '\ud800' },
};

for (const [label, name] of Object.entries(NAMES)) {
  test(`a captured function is refused that has as its name ${label}`, () => {
    const helper = Object.defineProperty(() => 1, 'name', name);
    assertRefused(() => helper(), 'captured function', 'a `name` that is no text', 'another name');
    const own = (): unknown => own.name;
    assertRefused(Object.defineProperty(own, 'name', name), 'a `name` that is no text');
  });
}

for (const [label, text] of Object.entries(FUNCTIONS)) {
  test(`a captured function is refused with ${label}`, () => {
    assertRefused(inScript(text), 'captured function', 'inherits some');
  });
}

test('classes and functions of every kind are captured with what is theirs', async () => {
  const fn = inScript(`
    class Base { static of() { return new this() } get kind() { return 'base' } [Symbol.iterator]() {} 'a b'() {} }
    class A extends Error { static count = 1; #own = 2; get own() { return this.#own } async *items() { yield 3 } }
    class Nothing extends null {}
    function* generator() { yield 1 }
    async function* asyncGenerator() { yield 2 }
    async function waits() { return 3 }
    function Plain() {}
    const arrow = () => 4;
    return async () => {
      const got = [Base.of().kind, new A('x').message, A.count, new A().own, typeof Nothing, typeof new Plain(), arrow()];
      for await (const item of new A().items()) got.push(item);
      for await (const item of asyncGenerator()) got.push(item);
      return [...got, ...generator(), await waits()];
    };`);
  const got = await DeferredFunction.create(fn).invoke();
  assert.deepEqual(got, ['base', 'x', 1, 2, 'function', 'object', 4, 3, 2, 1, 3]);
});

/** Classes that are more than their text, each bound to `A` and asked by `show`. */
const MORE_THAN_TEXT: Readonly<Record<string, readonly [text: string, says: string]>> = {
  'a static #field': [
    'class A { static #items = [1]; static show() { return A.#items } }',
    'the static field #items',
  ],
  'a static #field that is a constant': [
    'class A { static #most = 5; static show() { return A.#most } }',
    '#most',
  ],
  'a base of the program': ['class Base {} class A extends Base { static show() {} }', 'extends Base'],
  'a base that is called as one of the language': [
    "class Event { kind() { return 'mine' } } class A extends Event { static show() { return new A().kind() } }",
    'extends another Event',
  ],
  'a base that an expression gives': [
    'class A extends (class {}) { static show() {} }',
    'extends an expression',
  ],
  'a computed name': ["const key = 'show'; class A { static [key]() { return 1 } }", 'a computed name'],
  'a static block': ['let made = 0; class A { static { made++ } static show() {} }', 'a static block'],
  'a static field that is computed': [
    'class A { static at = Date.now(); static show() {} }',
    'static field at',
  ],
  'a static field deleted': ['class A { static a = 1; static b = 2; static show() {} } delete A.a;', 'see a'],
  'a static field that became an accessor': [
    "class A { static a = 1; static show() {} } Object.defineProperty(A, 'a', { get: () => 2 });",
    'another member a',
  ],
  'a static field changed': ['class A { static a = 1; static show() {} } A.a = 2;', 'another member a'],
  'a static field made read-only': [
    "class A { static a = 1; static show() {} } Object.defineProperty(A, 'a', { writable: false });",
    'another member a',
  ],
  'another constructor': [
    'class A { static show() {} } A.prototype.constructor = Object;',
    'another member constructor',
  ],
  'a method deleted': ['class A { go() {} static show() {} } delete A.prototype.go;', 'see go'],
  'two methods swapped': [
    'class A { a() { return 1 } b() { return 2 } static show() {} } const p = A.prototype; [p.a, p.b] = [p.b, p.a];',
    'another member a',
  ],
  'a base given later': [
    'class A { static show() {} } Object.setPrototypeOf(A, Error);',
    'another prototype',
  ],
  'a frozen prototype': ['class A { static show() {} } Object.freeze(A.prototype);', 'frozen'],
};

for (const [label, [text, says]] of Object.entries(MORE_THAN_TEXT)) {
  test(`a captured class is refused that is more than its text: ${label}`, () => {
    assertRefused(
      inScript(`${text} return () => A.show()`),
      'captured function A',
      says,
      'export it',
      'inside',
    );
  });
}

test('code of a class is strict in sloppy scripts too, a method alone as well', async () => {
  const isStrict = 'is() { return this === undefined }';
  const sloppy = inScript(`class A { static strict() { const o = { ${isStrict} }; return (0, o.is)() } }
    return [A.strict, { sloppy() { return (function () { return this })() !== undefined } }.sloppy]`) as unknown as [
    AnyFunction,
    AnyFunction,
  ];
  assert.equal(await DeferredFunction.create(sloppy[0]).invoke(), true);
  assert.equal(await DeferredFunction.create(sloppy[1]).invoke(), true);
  const inner = inScript(
    `return (function () { 'use strict'; return () => (function () { return this })() })()`,
  );
  assert.equal(await DeferredFunction.create(inner).invoke(), undefined);
});

test('a require that looks elsewhere is refused', async () => {
  const away = "const { createRequire } = require('node:module');";
  assertRefused(
    inScript(`${away} { const require = createRequire('/opt/plugins/'); return () => require('./a.js') }`),
    'uses require',
    'another file',
    'createRequire() inside',
  );
  assertRefused(
    inScript(`${away} const load = createRequire('/srv/app/'); return () => load('./a.js')`),
    'uses load',
  );
  const same = inScript(
    `${away} { const require = createRequire('/srv/app/x.js'); return () => require('path').sep }`,
  );
  assert.equal(await DeferredFunction.create(same).invoke(), '/');
});

test('a text may have been given any name', async () => {
  for (const name of [
    'file://host/x.js',
    'file:///a%2fb.js',
    'file:///a%00.js',
    'file://[',
    'http://a/b',
    'a\0b',
    '/x?y',
  ]) {
    const deferred = DeferredFunction.create(inScriptNamed(name));
    assert.equal(await deferred.invoke(), '/', name);
  }
});

/** A function that has a `require` to be given anew, of a text with this name. */
function inScriptNamed(filename: string): AnyFunction {
  const script = compileFunction(`return async () => (await import('node:path')).sep`, [], {
    filename,
  }) as () => AnyFunction;
  return script();
}

test('what is remembered of functions with names and texts made at run time is bounded', {
  skip: onlyFull,
}, () => {
  const program = `
    const { DeferredFunction } = await import(${JSON.stringify(import.meta.resolve('#dist/index.js'))});
    const used = () => { gc(); return process.memoryUsage().heapUsed; };
    const text = 'x'.repeat(500_000);
    const capture = i => {
      const name = 'clean' + i;
      // A text of half a megabyte each time, of a method, whose name is part of what is stored.
      DeferredFunction.create(Function('name', "return { [name]() { '" + text + "' } }[name]")(name));
    };
    for (let i = 0; i < 3; i++) capture(i);
    const before = used();
    for (let i = 3; i < 150; i++) capture(i);
    console.log(used() - before);`;
  const argv = ['--expose-gc', '--input-type=module', '-e', program];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  assert.equal(stderr, '');
  assert.ok(Number(stdout) < 40_000_000, `${stdout} bytes`);
});

test('functions that captured each other in a long row are stored, in too long a row refused', async () => {
  const row = (length: number): AnyFunction => {
    let fn = (): number => 0;
    for (let i = 0; i < length; i++) {
      const next = fn;
      fn = () => next() + 1;
    }
    return fn;
  };
  assert.equal(await DeferredFunction.create(row(400)).invoke(), 400);
  for (const length of [600, 20_000]) {
    assertRefused(
      row(length),
      'with its 494 others with its',
      'more than 500 other functions',
      'in an array',
    );
  }
});

test('functions are looked for in objects, not in tables of thousands of rows', async t => {
  const { table, api, unexported } = await moduleOf(
    t,
    `const row = i => ['row' + i, () => i];
     export const table = Object.fromEntries(Array.from({ length: 3000 }, (_, i) => row(i)));
     export const api = Object.fromEntries(Array.from({ length: 300 }, (_, i) => row(i)));
     export const unexported = i => () => i;`,
  );
  const member = (object: unknown, name: string) => (object as Record<string, AnyFunction>)[name]!;
  for (const name of ['row0', 'row1', 'row2999']) {
    const deferred = DeferredFunction.create(member(table, name));
    assert.equal(placeOf(deferred), 'source');
    assert.equal(await deferred.invoke(), Number(name.slice(3)));
  }
  assert.equal(placeOf(DeferredFunction.create(member(api, 'row299'))), 'api.row299');
  assert.equal(await DeferredFunction.create(unexported!(7) as AnyFunction).invoke(), 7);
});

test("a command's directory is the one it meant when it was deferred", () => {
  const { descriptor } = DeferredFunction.command('true', [], { cwd: 'build' });
  assert.ok(descriptor.kind === 'command');
  assert.equal(descriptor.cwd?.path, join(process.cwd(), 'build'));
  assert.throws(() => DeferredFunction.command('true', [], { cwd: 'no-such-directory' }), {
    code: 'DEFERRED_FUNCTION_REFUSED',
    message:
      /^cannot defer a command in "no-such-directory": .*ENOENT.*; give the absolute path of a directory/,
  });
});

/** A program that replaces a member of what a module exports, or of itself, and dies; what runs then, or why nothing does. */
function replaceAndSweep(t: TestContext, name: string, library: string, program: string): string {
  const root = freshDirectory(t);
  writeFileSync(join(root, name), library);
  writeFileSync(
    join(root, 'main.mjs'),
    `import * as lib from './${name}';
     import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
     const api = lib.api ?? lib.default;
     const job = await new DeferredFunctionManager(${JSON.stringify(root)}, { moduleState: 'allow' }).open();
     ${program}
     process.kill(process.pid, 'SIGKILL');`,
  );
  spawnSync(process.execPath, [join(root, 'main.mjs')], { stdio: 'inherit' });
  const { stdout } = spawnSync(process.execPath, [commandLinePath, '--json', root], { encoding: 'utf8' });
  const report = JSON.parse(stdout) as {
    files: { functions: { outcome: string; error?: { code: string } }[] }[];
  };
  const [ran] = report.files[0]!.functions;
  return ran!.error?.code ?? ran!.outcome;
}

test('no other function runs in the place of a member that its program replaced', t => {
  const member =
    "export const api = { drop() { throw new Error('the old one') } }; export const swap = () => { api.drop = () => 'new'; };";
  assert.equal(
    replaceAndSweep(t, 'library.mjs', member, 'lib.swap(); job.defer(api.drop);'),
    'DEFERRED_FUNCTION_MISSING',
  );
  const commonJs =
    "exports.drop = () => { throw new Error('old') }; exports.swap = () => { exports.drop = () => 'new'; };";
  assert.equal(
    replaceAndSweep(t, 'library.cjs', commonJs, 'api.swap(); job.defer(api.drop);'),
    'DEFERRED_FUNCTION_MISSING',
  );
  // One from elsewhere is stored by its source.
  assert.equal(
    replaceAndSweep(t, 'library.mjs', member, "api.drop = () => 'mine'; job.defer(api.drop);"),
    'ok',
  );
  assert.equal(
    replaceAndSweep(t, 'library.mjs', member.replace(/throw.*?'\)/, ''), 'job.defer(api.drop);'),
    'ok',
  );
});

test('an export that is another function in another process is not run', t => {
  const library = `const log = text => process.getBuiltinModule('node:fs').appendFileSync(process.env.LEDGER, text);
     export const drop = process.argv[1].endsWith('main.mjs') ? () => log('one') : () => log('other');`;
  assert.equal(
    replaceAndSweep(t, 'library.mjs', library, 'job.defer(lib.drop);'),
    'DEFERRED_FUNCTION_MISSING',
  );
  const captured = 'const { drop } = lib; job.defer(() => drop());';
  assert.equal(replaceAndSweep(t, 'library.mjs', library, captured), 'DEFERRED_FUNCTION_MISSING');
});

test('of two functions of CommonJS under one name, the one that was registered runs', async t => {
  const functions = "const a = () => 'a', b = () => 'b';";
  const cases: readonly (readonly [exports: string, path: string, name: string])[] = [
    ['module.exports = a; a.default = b;', '', 'a'],
    ['module.exports = a; a.default = b;', 'default', 'b'],
    ['exports.x = a; exports.default = { x: b };', 'x', 'a'],
    ['exports.x = a; exports.default = { x: b };', 'default.x', 'b'],
    ['exports.x = { close: a }; exports.default = { x: { close: b } };', 'x.close', 'a'],
    ['exports.x = { close: a }; exports.default = { x: { close: b } };', 'default.x.close', 'b'],
    ["Object.defineProperty(exports, '__esModule', { value: true }); exports.default = b;", 'default', 'b'],
    ["exports.__esModule = true; exports['x.y'] = a; exports.x = { y: b };", 'x.y', 'b'],
    ["exports.__esModule = true; exports['x.y'] = a;", 'x\\.y', 'a'],
    ["exports['x.y'] = a; exports[''] = b;", 'x\\.y', 'a'],
  ];
  const root = freshDirectory(t);
  const require = createRequire(import.meta.url);
  for (const [index, [exports, path, name]] of cases.entries()) {
    const file = join(root, `${index}.cjs`);
    writeFileSync(file, `${functions} ${exports}`);
    const names = path
      .split(/(?<!\\)\./)
      .filter(Boolean)
      .map(part => part.replace('\\', ''));
    let fn = require(file) as AnyFunction & Record<string, AnyFunction & Record<string, never>>;
    for (const part of names) fn = fn[part] as never;
    assert.equal(await DeferredFunction.create(fn).invoke(), name, `${exports} ${path}`);
    assert.equal(await DeferredFunction.create(() => fn()).invoke(), name, `captured: ${exports} ${path}`);
  }
});

test('where a changed CommonJS module has two functions under one name, the right one runs or none', t => {
  const library = (a: string, b: string, prefix = '') =>
    `${prefix}const a = () => '${a}', b = () => { ${b} }; module.exports = a; a.default = b;`;
  const deploy = (text: string): string =>
    `job.defer(api.default); (await import('node:fs')).writeFileSync(${"new URL('library.cjs', import.meta.url)"}, ${JSON.stringify(text)});`;
  const run = (text: string): string =>
    replaceAndSweep(t, 'library.cjs', library('a', "throw new Error('b')"), deploy(text));
  assert.equal(run(library('new a', "throw new Error('b')", '/* new */')), 'failed');
  assert.equal(run(library('new a', "return 'new b'")), 'DEFERRED_FUNCTION_MISSING');
  assert.equal(run("module.exports = { default: () => 'new b' };"), 'ok');
});

test('a member that uses `this` runs on the one exported object that has it, or is refused', async t => {
  const { Base, Derived, a, b, c, alone, lone, heir } = (await moduleOf(
    t,
    `export class Base { static dir() { return 'base'; } static clean() { return this.dir(); } static plain() { return 'plain'; } }
     export class Derived extends Base {
       static dir() { return 'derived'; } static own() { return this.dir(); } static up() { return super.dir() + this.dir(); }
     }
     function clean() { return this.dir; } function plain() { return 'plain'; }
     export const a = { dir: 'a', clean, plain }; export const b = { dir: 'b', clean, plain };
     export const c = { dir: 'c', clean() { return this.dir; } }; export { c as again };
     export const alone = { dir: 'alone', remove() { return this.dir; } };
     export function lone() { return this === undefined; } export const heir = Object.create(c, { dir: { value: 'heir' } });`,
  )) as unknown as Record<string, Record<string, AnyFunction>>;
  const several = ['uses `this`, and more than one exported object has it; defer a function that calls it'];
  for (const fn of [Base!.clean!, Derived!.clean!, a!.clean!, b!.clean!, c!.clean!, heir!.clean!])
    assertRefused(fn, ...several);
  const call = async (fn: AnyFunction): Promise<unknown> => await DeferredFunction.create(fn).invoke();
  for (const holder of [Base, Derived, a, b]) assert.equal(await call(holder!.plain!), 'plain');
  assert.equal(await call(Derived!.own!), 'derived');
  assert.equal(await call(Derived!.up!), 'basederived');
  assert.equal(await call(alone!.remove!), 'alone');
  assert.equal(await call(lone as unknown as AnyFunction), true);
  assert.equal(await call(() => Derived!.clean!()), 'derived');
  assert.equal(await call(() => b!.clean!()), 'b');
});

test('a closure may use a function or class that a module of Node exports', async () => {
  const modules =
    `async_hooks buffer cluster crypto dns events fs inspector inspector/promises net path repl sqlite
    stream/consumers stream/web timers/promises trace_events util zlib`.split(/\s+/);
  const refused: string[] = [];
  for (const module of modules.filter(name => isBuiltin(`node:${name}`))) {
    const exports = (await import(`node:${module}`)) as Record<string, unknown>;
    for (const [name, value] of Object.entries(exports)) {
      if (name === 'default' || typeof value !== 'function') continue;
      try {
        const found = await DeferredFunction.create(() => value).invoke();
        if (found !== value) refused.push(`${module}.${name}: another`);
      } catch (error) {
        refused.push(`${module}.${name}: ${(error as Error).message}`);
      }
    }
  }
  assert.deepEqual(refused, []);
});

test('a closure may use an object that each process has once', async () => {
  const objects = [performance, scheduler, dnsPromises, webcrypto, webcrypto.subtle, cluster];
  for (const object of objects) assert.equal(await DeferredFunction.create(() => object).invoke(), object);
});

test('an object that a program hangs on a module of Node is stored as it is', () => {
  // In a process of its own: names are looked at once.
  const code = `import { DeferredFunction } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
    const own = (process.own = { say: () => 'said' });
    const call = DeferredFunction.create(() => own.say());
    delete process.own;
    console.log(await call.invoke());`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', code], {
    encoding: 'utf8',
  });
  assert.equal(stdout, 'said\n', stderr);
});
