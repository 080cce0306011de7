/** An exported function that reads variables which another process would make anew is told of, once, by its variable. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { type AnyFunction, DeferredFunctionManager, type ManagerOptions } from '#dist/index.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const HEAD = `import { mkdtempSync, rmSync } from 'node:fs'; import { randomUUID } from 'node:crypto'; import { pid } from 'node:process';`;

/** The text of a module that exports `fn`, and the variable of it that another process has otherwise. */
const CASES: readonly [label: string, text: string, variable: string | undefined][] = [
  [
    'a directory made when it was loaded',
    `const dir = mkdtempSync(import.meta.dirname + '/x-'); export const fn = () => rmSync(dir, { recursive: true });`,
    'dir',
  ],
  ['a random name', "const id = 'x-' + randomUUID(); export function fn() { return id; }", 'id'],
  ['a number by chance', 'const id = Math.random(); export function fn() { return id; }', 'id'],
  ['a time', 'const begun = new Date(); export function fn() { return begun; }', 'begun'],
  ['a process id', "const lock = '/tmp/' + process.pid; export function fn() { return lock; }", 'lock'],
  [
    'a variable assigned since',
    'let name; export function setUp() { name = "n"; } setUp(); export const fn = () => name;',
    'name',
  ],
  [
    'a set that is filled',
    'const open = new Set(); export const track = x => open.add(x); track(1); export const fn = () => [...open];',
    'open',
  ],
  [
    'a position that is counted on where something is put',
    'const out = {}; let at = 0; export const add = () => { out[at++] = 1; }; add(); export const fn = () => at;',
    'at',
  ],
  [
    'an object that is changed',
    'const state = {}; export const setUp = () => { state.a = 1; }; setUp(); export const fn = () => state.a;',
    'state',
  ],
  [
    'one that a function it calls reads',
    'let n = 0; const inc = () => ++n; inc(); const get = () => n; export const fn = () => get();',
    'n',
  ],
  [
    'a constant',
    `const options = { force: true }; export const fn = () => rmSync('/nonexistent-x', options);`,
    undefined,
  ],
  [
    'a variable without a value yet',
    'let timer; export const start = () => { timer = 1; }; export const fn = () => timer;',
    undefined,
  ],
  ['a function of a loader', 'const wrap = f => f; export const fn = wrap(() => 1);', undefined],
  [
    'a list that is filled',
    'const log = []; export const add = x => log.push(x); add(1); export const fn = () => log.at(0);',
    'log',
  ],
  [
    'a member of an instance that is assigned',
    'class Client {} const client = new Client(); export const setUp = () => { client.id = 1; }; setUp(); export const fn = () => client.id;',
    'client',
  ],
  [
    'a client with methods',
    'class Client { remove() {} } const client = new Client(); export const fn = () => client.remove();',
    undefined,
  ],
  ['a pattern', 'const safe = /^[a-z]+$/; export const fn = () => safe.test("a");', undefined],
  ['a global', 'const log = console; export const fn = () => log.error("");', undefined],
  [
    'the namespace of a module',
    "import * as fs from 'node:fs'; export const fn = () => fs.rmSync('/nonexistent', { force: true });",
    undefined,
  ],
  ['nothing', 'export const fn = () => 1;', undefined],
];

async function load(t: TestContext, text: string): Promise<AnyFunction> {
  const path = join(freshDirectory(t), 'library.mjs');
  writeFileSync(path, `${HEAD} ${text} export const used = [pid, mkdtempSync, rmSync, randomUUID];`);
  return ((await import(pathToFileURL(path).href)) as { fn: AnyFunction }).fn;
}

async function jobWith(t: TestContext, options: ManagerOptions) {
  const warnings: string[] = [];
  const logger = { info() {}, warn: (text: string) => void warnings.push(text), error() {} };
  const manager = new DeferredFunctionManager(freshDirectory(t), { ...options, logger });
  const job = await manager.open();
  return { job, warnings };
}

for (const [label, text, variable] of CASES) {
  test(`a function is ${variable === undefined ? 'not told of' : 'told of once'} that reads ${label}`, async t => {
    const fn = await load(t, text);
    const { job, warnings } = await jobWith(t, {});
    job.defer(fn).cancel();
    job.defer(fn).cancel();
    const said = `its variable ${variable} as it is now`;
    assert.deepEqual(
      warnings.map(warning => warning.includes(said) && warning.includes(`pass ${variable} as an argument`)),
      variable === undefined ? [] : [true],
    );
    await job.close();

    const allowing = await jobWith(t, { moduleState: 'allow' });
    allowing.job.defer(fn).cancel();
    assert.deepEqual(allowing.warnings, []);
    await allowing.job.close();

    const refusing = await jobWith(t, { moduleState: 'refuse' });
    for (let i = 0; i < 2; i++) {
      if (variable === undefined) refusing.job.defer(fn).cancel();
      else assert.throws(() => refusing.job.defer(fn), { code: 'DEFERRED_FUNCTION_REFUSED' });
    }
    await refusing.job.close();
  });
}

test('a function of a CommonJS module is told of as well', async t => {
  const path = join(freshDirectory(t), 'library.cjs');
  writeFileSync(
    path,
    `const { mkdtempSync } = require('node:fs'); 
     const dir = mkdtempSync(__dirname + '/x-'); exports.fn = () => dir;`,
  );
  const { fn } = createRequire(import.meta.url)(path) as { fn: AnyFunction };
  const { job, warnings } = await jobWith(t, {});
  job.defer(fn).cancel();
  assert.match(warnings.join(), /its variable dir as it is now/);
  await job.close();
});

test('what require gives to a CommonJS module is not told of', async t => {
  const root = freshDirectory(t);
  writeFileSync(join(root, 'helper.cjs'), 'exports.remove = () => {};');
  // TypeScript's output begins so.
  const interop = `var __importDefault = (this && this.__importDefault) || function (mod) {
    return (mod && mod.__esModule) ? mod : { "default": mod }; };
    Object.defineProperty(exports, "__esModule", { value: true }); exports.fn = fn;`;
  for (const [index, text] of [
    "const fs = require('node:fs'); exports.fn = () => fs.rmSync('/nonexistent', { force: true });",
    "const cp = require('child_process'); exports.fn = () => cp.execFileSync('true');",
    "const helper = require('./helper.cjs'); exports.fn = () => helper.remove();",
    `${interop} const fs_1 = __importDefault(require('fs')); function fn() { fs_1.default.rmSync('/nonexistent', { force: true }); }`,
    `${interop} const helper_1 = __importDefault(require('./helper.cjs')); function fn() { helper_1.default.remove(); }`,
  ].entries()) {
    const path = join(root, `${index}.cjs`);
    writeFileSync(path, text);
    const { fn } = createRequire(import.meta.url)(path) as { fn: AnyFunction };
    const { job } = await jobWith(t, { moduleState: 'refuse' });
    job.defer(fn).cancel();
    await job.close();
  }
});

test('another value of the option is refused', () => {
  assert.throws(() => new DeferredFunctionManager('/tmp/x', { moduleState: 'yes' as never }), /moduleState/);
});
