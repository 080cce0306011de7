/** Files that `-r` and `--import` name: the program, which no runner evaluates, and loaders, which each runner does. */
import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { makeProject, runNode } from '../helpers/program.ts';
import { sample } from '../helpers/size.ts';

const quiet = { logger: null, retryDelayMs: 0 };

/** Writes a line each time that it is evaluated, and defers a function of its own that writes what the loader left. */
const body = `
  const { appendFileSync } = process.getBuiltinModule('fs');
  appendFileSync(process.env.LEDGER, 'begins\\n');
  async function begin({ DeferredFunctionManager }) {
    const job = await new DeferredFunctionManager(process.env.BASE, { logger: null }).open();
    job.defer(cleanup, process.env.LEDGER);
    process.kill(process.pid, 'SIGKILL');
  }`;
const cleanup = `function cleanup(ledger) {
    process.getBuiltinModule('fs').appendFileSync(ledger, 'cleaned, loader ' + globalThis.loader + '\\n');
  }`;
const begins = "import('deferred-sweep').then(begin);";
const commonJs = `${body} ${begins} ${cleanup} exports.cleanup = cleanup;`;
const esModule = `import * as library from 'deferred-sweep'; ${body} await begin(library); export ${cleanup}`;
const later = `import * as library from 'deferred-sweep'; ${body} setTimeout(begin, 5, library); export ${cleanup}`;

const files = {
  'loader.cjs': "globalThis.loader = 'is there';",
  'program.cjs': commonJs,
  'short.js': commonJs,
  'program.mjs': esModule,
  'later.mjs': later,
  'starts.cjs': "import('./later.mjs');",
  'starts.mjs': "import './program.mjs';",
  'requires.cjs': "require('./program.cjs');",
  'other.mjs': 'setTimeout(() => {}, 30_000);',
  'odd name/program.mjs': esModule,
  'node_modules/agent/index.mjs': esModule,
  'node_modules/agent/package.json': '{ "exports": "./index.mjs" }',
};
const idle = ['-e', 'setTimeout(() => {}, 30_000)'];

const programs = [
  ['-r, a CommonJS module', ['-r', './program.cjs', ...idle]],
  ['--require=, without its extension', ['--require=./short', ...idle]],
  ['-r, that requires it', ['-r', './requires.cjs', ...idle]],
  ['-r, that imports it', ['-r', './starts.cjs', ...idle]],
  ['--import, an ES module', ['--import', './program.mjs', ...idle]],
  ['--import, that imports it', ['--import', './starts.mjs', ...idle]],
  ['--import, that begins it later', ['--import', './later.mjs', ...idle]],
  ['--import, a link', ['--import', './link.mjs', ...idle]],
  ['--import, a package', ['--import', 'agent', ...idle]],
  ['--import, beside an entry script', ['--import', './program.mjs', 'other.mjs']],
  ['--import, the entry script itself', ['--import', './program.mjs', 'program.mjs']],
  ['NODE_OPTIONS', idle, { NODE_OPTIONS: '--no-warnings --import "./odd name/program.mjs"' }],
] as const;

for (const [title, argv, env = {}] of sample(programs, 4)) {
  test(`a program that is preloaded is not evaluated again: ${title}`, async t => {
    const project = makeProject(t, files);
    symlinkSync('program.mjs', join(project.directory, 'link.mjs'));
    const ended = runNode(project, ['-r', './loader.cjs', ...argv], { env });
    assert.equal(ended.signal, 'SIGKILL', ended.stderr);
    const [ran] = (await sweep(project.base, quiet)).files[0]!.functions;
    assert.deepEqual([ran?.outcome, ran?.notes], ['ok', ['without-loaders']]);
    assert.deepEqual(read(project.ledger), ['begins', 'cleaned, loader is there']);
  });
}

/** What opens the job for the program, in a file that is preloaded. */
const opens = `
  const open = async () => new (await import('deferred-sweep')).DeferredFunctionManager(process.env.BASE, { logger: null }).open();
  globalThis.loader = 'is there';`;
const uses = `
  const job = await openJob();
  job.defer(ledger => process.getBuiltinModule('fs').appendFileSync(ledger, 'loader ' + globalThis.loader + '\\n'), process.env.LEDGER);
  process.kill(process.pid, 'SIGKILL');`;

for (const [title, given, main] of [
  [
    'imported',
    { 'setup.cjs': `${opens} exports.openJob = open;` },
    `import { openJob } from './setup.cjs'; ${uses}`,
  ],
  ['global', { 'setup.cjs': `${opens} globalThis.openJob = open;` }, uses],
  [
    'a hook of require',
    {
      'setup.cjs': `${opens} globalThis.openJob = open;
        const { _extensions } = require('node:module'), load = _extensions['.js'];
        install();
        function install() { _extensions['.cjs'] = function hook(module, file) { load(module, file); }; }`,
      'main.cjs': `(async () => { ${uses} })();`,
    },
    undefined,
  ],
] as const) {
  test(`a preloaded file that lends the program what opens its job is loaded again: ${title}`, async t => {
    const project = makeProject(t, { ...given, ...(main !== undefined && { 'main.mjs': main }) });
    const ended = runNode(project, ['-r', './setup.cjs', main === undefined ? 'main.cjs' : 'main.mjs']);
    assert.equal(ended.signal, 'SIGKILL', ended.stderr);
    const [ran] = (await sweep(project.base, quiet)).files[0]!.functions;
    assert.deepEqual([ran?.outcome, ran?.notes], ['ok', undefined]);
    assert.deepEqual(read(project.ledger), ['loader is there']);
  });
}

test('a program in standard input or --eval is not taken for what it borrows', async t => {
  const project = makeProject(t, { 'setup.cjs': `${opens} globalThis.openJob = open;` });
  const ended = runNode(project, ['-r', './setup.cjs', '--input-type=module', '-e', uses]);
  assert.equal(ended.signal, 'SIGKILL', ended.stderr);
  await sweep(project.base, quiet);
  assert.deepEqual(read(project.ledger), ['loader is there']);
});
