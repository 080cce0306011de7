/** State that a closure would have by value and through a function of a module at once is refused, and nothing else is. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type AnyFunction, DeferredFunction } from '#dist/index.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';

/** What `make` of a module that consists of these files returns. */
async function made(t: TestContext, files: Readonly<Record<string, string>>): Promise<AnyFunction> {
  const directory = freshDirectory(t);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text);
  const main = join(directory, Object.keys(files).at(-1)!);
  const exported = (
    main.endsWith('.cjs') ? createRequire(pathToFileURL(main))(main) : await import(pathToFileURL(main).href)
  ) as { make: () => AnyFunction };
  return exported.make();
}

interface Case {
  readonly files: Readonly<Record<string, string>>;
  /** What it gives, called; undefined where it is refused. */
  readonly gives?: unknown;
}

const STATE = `let n = 0; export function inc() { return ++n; } export { n };
  export const seen = new Map(); export const add = key => void seen.set(key, 1);
  export const store = { items: [], add(item) { store.items.push(item); } };
  export const OPTIONS = { force: true, tags: ['a'] }; export const read = () => OPTIONS.force + OPTIONS.tags.join();`;

/** As transpilers to CommonJS write `export let n`, and what assigns to it. */
const TYPESCRIPT = `Object.defineProperty(exports, '__esModule', { value: true }); exports.n = 0; exports.other = 1;
  exports.bump = () => ++exports.n;`;
const ESBUILD = `let count = 0; module.exports = { get n() { return count; }, get other() { return 1; }, get bump() { return bump; } };
  Object.defineProperty(module.exports, '__esModule', { value: true }); function bump() { return ++count; }`;
const importing = (gives: string) =>
  `const lib_1 = require('./lib.cjs'); exports.make = () => () => [(0, lib_1.bump)(), ${gives}];`;
const COPY = `const from = require('./lib.cjs'), copy = { default: from };
  for (const key of Object.keys(from)) Object.defineProperty(copy, key, { get: () => from[key], enumerable: true });
  const import_lib = copy; exports.make = () => () => [(0, import_lib.bump)(), import_lib.n];`;

const CASES: Readonly<Record<string, Case>> = {
  'a live import of TypeScript to CommonJS': {
    files: { 'lib.cjs': TYPESCRIPT, 'main.cjs': importing('lib_1.n') },
  },
  'a live import of esbuild to CommonJS': { files: { 'lib.cjs': ESBUILD, 'main.cjs': importing('lib_1.n') } },
  'a live import by way of another file': {
    files: {
      'state.cjs': TYPESCRIPT,
      'lib.cjs': `Object.defineProperty(exports, '__esModule', { value: true }); const state_1 = require('./state.cjs');
        for (const key of ['n', 'bump']) Object.defineProperty(exports, key, { enumerable: true, get: () => state_1[key] });`,
      'main.cjs': importing('lib_1.n'),
    },
  },
  "a live import by way of esbuild's copy": { files: { 'lib.cjs': ESBUILD, 'main.cjs': COPY } },
  "esbuild's copy of a module that was CommonJS": {
    files: { 'lib.cjs': 'exports.n = 0; exports.bump = () => ++exports.n;', 'main.cjs': COPY },
  },
  'a live import of vite, whose modules are stored by source': {
    files: {
      'main.cjs': `const { compileFunction } = require('node:vm');
        const lib = compileFunction('let n = 0; function bump() { return ++n; } return { get n() { return n; }, bump };')();
        exports.make = compileFunction('return () => [(0, __vi_import_0__.bump)(), __vi_import_0__.n]', ['__vi_import_0__']).bind(null, lib);`,
    },
  },
  'an imported function that another one replaces': {
    files: {
      'lib.cjs': `Object.defineProperty(exports, '__esModule', { value: true }); exports.n = () => 0; exports.bump = () => { exports.n = () => 1; };`,
      'main.cjs': importing('(0, lib_1.n)()'),
    },
  },
  'another import than the one that functions assign to, of TypeScript': {
    files: { 'lib.cjs': TYPESCRIPT, 'main.cjs': importing('lib_1.other') },
    gives: [1, 1],
  },
  'another import than the one that functions assign to, of esbuild': {
    files: { 'lib.cjs': ESBUILD, 'main.cjs': importing('lib_1.other') },
    gives: [1, 1],
  },
  'a variable of the module': {
    files: {
      'a.mjs':
        'let n = 0; export function inc() { n++; } export const make = () => () => { inc(); return n; };',
    },
  },
  'a variable that only other functions of the module change': {
    files: {
      'a.mjs':
        'let n = 0; export const set = v => { n = v; }; export function show() { return n; } export const make = () => () => [n, show()];',
    },
  },
  'a map of the module': {
    files: {
      'a.mjs':
        "const seen = new Map(); export const add = k => void seen.set(k, 1); export const make = () => () => { add('k'); return [...seen.keys()]; };",
    },
  },
  'an object that is changed in a function further away': {
    files: {
      'a.mjs':
        'const state = { n: 0 }; const touch = () => { state.n++; }; const via = () => touch(); export const go = () => via(); export const make = () => () => { go(); return state.n; };',
    },
  },
  'a live import': {
    files: {
      'state.mjs': STATE,
      'main.mjs': `import { inc, n } from './state.mjs'; export const make = () => () => { inc(); return n; };`,
    },
  },
  'an imported map': {
    files: {
      'state.mjs': STATE,
      'main.mjs': `import { add, seen } from './state.mjs'; export const make = () => () => { add('k'); return seen.size; };`,
    },
  },
  'an imported map under another name, in an object': {
    files: {
      'state.mjs': STATE,
      'main.mjs': `import { add, seen } from './state.mjs'; const own = { list: [seen] }; export const make = () => () => { add('k'); return own.list[0].size; };`,
    },
  },
  'an object that its own method uses by its name': {
    files: {
      'state.mjs': STATE,
      'main.mjs': `import { store } from './state.mjs'; export const make = () => () => { store.add(1); return store.items; };`,
    },
  },
  'an imported object that the importer changed at its top level': {
    files: {
      'state.mjs': STATE,
      'main.mjs': `import { OPTIONS, read } from './state.mjs'; OPTIONS.force = 'later'; export const make = () => () => [OPTIONS.force, read()];`,
    },
  },
  'what require gave, taken apart': {
    files: {
      'state.cjs': 'const seen = new Set(); exports.seen = seen; exports.add = key => { seen.add(key); };',
      'main.cjs': `const { add, seen } = require('./state.cjs'); exports.make = () => () => { add('k'); return seen.size; };`,
    },
  },
  'a variable of a CommonJS module': {
    files: {
      'a.cjs':
        'let n = 0; function inc() { n++; } exports.inc = inc; exports.make = () => () => { inc(); return n; };',
    },
  },
  'a function with a cache on it': {
    files: {
      'a.mjs':
        "export function remember(k) { remember.cache.push(k); } remember.cache = []; const { cache } = remember; export const make = () => () => { remember('k'); return cache; };",
    },
  },
  'a function on which functions count': {
    files: {
      'a.mjs':
        'const helper = () => helper.n; export const bump = () => { helper.n = 1; helper(); }; export const make = () => () => [bump(), helper()];',
    },
  },
  'a function on which another file counts': {
    files: {
      'lib.mjs': 'export const counter = () => counter.n; export const bump = f => f.n++;',
      'a.mjs':
        "import { bump } from './lib.mjs'; const helper = () => helper.n; export const go = () => bump(helper); export const make = () => { const own = helper; return () => { own.n = 5; go(); return helper(); }; };",
    },
  },
  'a function that others only call, or hand on': {
    files: {
      'a.mjs':
        'const helper = x => x + 1; export const each = list => list.map(helper); export const make = () => () => [each([1]), helper(2)];',
    },
    gives: [[2], 3],
  },
  'a constant beside a function that uses it': {
    files: {
      'a.mjs':
        "const version = 'v'; export const show = () => version; export const make = () => () => [version, show()];",
    },
    gives: ['v', 'v'],
  },
  'options that all only read': {
    files: {
      'state.mjs': STATE,
      'main.mjs': `import { OPTIONS, read } from './state.mjs'; export const make = () => () => [OPTIONS.force, OPTIONS.tags.map(x => x), read()];`,
    },
    gives: [true, ['a'], 'truea'],
  },
  'a frozen object': {
    files: {
      'a.mjs':
        'const o = Object.freeze({ a: 1 }); export const show = f => f(o).a; export const make = () => () => [o, show(x => x)];',
    },
    gives: [{ a: 1 }, 1],
  },
  'two variables of one name and value, of which a function assigns one': {
    files: {
      'a.mjs': `let a = 1; const bump = (() => { let a = 1; return () => ++a; })(); export const make = () => () => [a, bump()];`,
    },
    gives: [1, 2],
  },
  'two variables of one name and value in two modules': {
    files: {
      'state.mjs': STATE,
      'main.mjs': `import { inc } from './state.mjs'; let n = 0; export const make = () => () => [n, inc()];`,
    },
    gives: [0, 1],
  },
  'state that only functions stored by source use': {
    files: {
      'a.mjs':
        'const make1 = () => { const list = []; const add = x => list.push(x); return () => { add(1); return list; }; }; export const make = make1;',
    },
    gives: [1],
  },
};

for (const [label, { files, gives }] of Object.entries(CASES)) {
  test(`${gives === undefined ? 'refused' : 'stored'}: ${label}`, async t => {
    const fn = await made(t, files);
    if (gives !== undefined) {
      assert.deepEqual(await DeferredFunction.create(fn).invoke(), gives);
      return;
    }
    assert.throws(() => DeferredFunction.create(fn), {
      code: 'DEFERRED_FUNCTION_REFUSED',
      message:
        /captures \w+ by value, and uses .* the two would drift apart; pass what it needs of|assigns to the variable n, /,
    });
  });
}
