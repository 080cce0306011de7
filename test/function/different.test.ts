/** What is different by nature when another process runs a function: each row of the table in docs/functions.md. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { commandLinePath } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const LIBRARY = `import { appendFileSync } from 'node:fs';
  let n = 0; export const set = value => { n = value; };
  export const moduleState = (out, what) => appendFileSync(out, JSON.stringify([what, n++]) + '\\n');`;

const PROGRAM = `import { appendFileSync } from 'node:fs';
  import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
  import * as library from './library.mjs';
  const [base, out] = process.argv.slice(2);
  const job = await new DeferredFunctionManager(base, { moduleState: 'allow' }).open();
  const say = (what, value) => appendFileSync(out, JSON.stringify([what, value]) + '\\n');
  library.set(5);
  job.defer(library.moduleState, out, 'module state');
  job.defer(library.moduleState, out, 'module state left');
  process.env.OF_THE_OWNER = 'set';
  job.defer(() => say('process.env', [process.env.OF_THE_OWNER ?? null, process.env.OF_THE_SWEEPER ?? null]));
  job.defer(() => say('process.argv', process.argv.length > 2));
  globalThis.ofTheOwner = 1;
  job.defer(() => say('globals', typeof ofTheOwner));
  String.prototype.ofTheOwner = () => 1;
  job.defer(() => say('prototypes', typeof 'text'.ofTheOwner));
  const frozen = Object.freeze({ a: 1 });
  job.defer(() => say('frozen', Object.isFrozen(frozen)));
  const view = new Uint8Array(new ArrayBuffer(100), 10, 2);
  job.defer(() => say('views', [view.byteOffset, view.buffer.byteLength]));
  let later = 'at registration';
  job.defer(() => say('later', later));
  later = 'changed';
  process.kill(process.pid, 'SIGKILL');`;

let seen: ReadonlyMap<string, unknown> = new Map();

before(t => {
  const root = freshDirectory(t as never);
  writeFileSync(join(root, 'library.mjs'), LIBRARY);
  writeFileSync(join(root, 'program.mjs'), PROGRAM);
  const [base, out] = [join(root, 'base'), join(root, 'out')];
  spawnSync(process.execPath, [join(root, 'program.mjs'), base, out, 'more'], { stdio: 'inherit' });
  const env = { ...process.env, OF_THE_SWEEPER: 'set' };
  spawnSync(process.execPath, [commandLinePath, base], { env });
  seen = new Map(
    readFileSync(out, 'utf8')
      .trim()
      .split('\n')
      .map(line => JSON.parse(line) as [string, unknown]),
  );
});

const ROWS: readonly [law: string, what: string, value: unknown][] = [
  ['an exported function finds the variables of its module as evaluating it makes them', 'module state', 0],
  ['and as functions that ran before in that process left them', 'module state left', 1],
  ["the environment is the sweeper's", 'process.env', [null, 'set']],
  ["process.argv is the runner's", 'process.argv', false],
  ['global variables that the program made are not there', 'globals', 'undefined'],
  ['what the program put into prototypes of the language is not there', 'prototypes', 'undefined'],
  ['a frozen object is an ordinary one', 'frozen', false],
  ['a view has a buffer of its own, of the bytes it shows', 'views', [0, 2]],
  ['a variable has the value that it had at registration', 'later', 'at registration'],
];

for (const [law, what, value] of ROWS) {
  test(`in another process ${law}`, () => {
    assert.deepEqual(seen.get(what), value);
  });
}
