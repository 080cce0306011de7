/** A Node that is too old says so. Tried with Node 18 by hand; here a preload takes away what such a Node lacks. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandLinePath } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const ENTRIES = ['index.js', 'actions/index.js', 'lock/index.js', 'postgres/index.js'];

test('in a Node that is too old the command says so in one line, and each entry point throws it', t => {
  const hide = join(freshDirectory(t), 'hide.cjs');
  writeFileSync(hide, 'delete process.getBuiltinModule;\n');
  const run = (...args: string[]) =>
    spawnSync(process.execPath, ['--require', hide, ...args], { encoding: 'utf8' });
  const { status, stderr } = run(commandLinePath, 'list');
  assert.match(stderr, /^deferred-sweep: cannot run in Node v[\d.]+: it is too old; use Node 20\.19, .*\n$/);
  assert.equal(status, 3);
  const asked = run(commandLinePath, 'sweep', '--exit-zero');
  assert.deepEqual([asked.status, asked.stderr], [0, stderr]);
  for (const entry of ENTRIES) {
    const url = new URL(`../../dist/${entry}`, import.meta.url).href;
    const { stdout } = run(
      '--eval',
      `import('${url}').catch(error => console.log(error.code, error.message))`,
    );
    assert.match(stdout, /^DEFERRED_UNSUPPORTED cannot run in Node v[\d.]+: it is too old/, entry);
  }
});
