import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

test('without pg the package works, and only a cluster manager that connects says what is missing', t => {
  const project = freshDirectory(t);
  const installed = join(project, 'node_modules', 'deferred-sweep');
  mkdirSync(installed, { recursive: true });
  for (const part of ['dist', 'build', 'package.json'])
    cpSync(join(root, part), join(installed, part), { recursive: true });
  for (const dependency of [
    'acorn',
    'cbor-x',
    'eslint-scope',
    'esrecurse',
    'estraverse',
    'node-gyp-build',
    '@types',
  ]) {
    symlinkSync(join(root, 'node_modules', dependency), join(project, 'node_modules', dependency));
  }
  writeFileSync(
    join(project, 'program.mjs'),
    `import { DeferredFunctionManager } from 'deferred-sweep';
import { ClusterManager } from 'deferred-sweep/postgres';
await new DeferredFunctionManager('.').run(defer => void defer(console.log, 'ran'));
await new ClusterManager({ pool: 'p', handlers: {} }).open().catch(error => console.log(error.code));
`,
  );
  const env = { ...process.env, NODE_TEST_CONTEXT: undefined };
  const { stdout, stderr } = spawnSync(process.execPath, ['program.mjs'], {
    cwd: project,
    env,
    encoding: 'utf8',
  });
  assert.equal(stdout, 'ran\nDEFERRED_DRIVER_MISSING\n', stderr);
});

test('the file store loads nothing of the cluster store', () => {
  const program = `import 'deferred-sweep';`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root,
    encoding: 'utf8',
    env: { ...process.env, NODE_DEBUG: 'esm', NODE_TEST_CONTEXT: undefined },
  });
  assert.equal(status, 0, stdout);
  assert.match(stderr, /dist\/index\.js/, 'the log names what is loaded');
  assert.doesNotMatch(stderr, /dist\/postgres\//);
});
