import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { packageRoot } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

test('without pg the package works, and only a cluster manager that connects says what is missing', t => {
  const project = freshDirectory(t);
  const installed = join(project, 'node_modules', 'deferred-sweep');
  mkdirSync(installed, { recursive: true });
  for (const part of ['dist', 'build', 'package.json'])
    cpSync(join(packageRoot, part), join(installed, part), { recursive: true });
  for (const dependency of ['acorn', 'eslint-scope', 'esrecurse', 'estraverse', '@types']) {
    symlinkSync(join(packageRoot, 'node_modules', dependency), join(project, 'node_modules', dependency));
  }
  writeFileSync(
    join(project, 'program.mjs'),
    `import { DeferredFunctionManager } from 'deferred-sweep';
import { ClusterManager } from 'deferred-sweep/postgres';
await new DeferredFunctionManager('.').run(defer => void defer(console.log, 'ran'));
await new ClusterManager({ pool: 'p', handlers: { undo() {} } }).open().catch(error => console.log(error.code));
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
  // The debugger is told of each module that is there, in every version of Node.
  const program = `import 'deferred-sweep';
import { Session } from 'node:inspector';
const session = new Session();
session.connect();
session.on('Debugger.scriptParsed', ({ params }) => console.log(params.url));
session.post('Debugger.enable');`;
  const { stdout, stderr, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: packageRoot,
    encoding: 'utf8',
    env: { ...process.env, NODE_TEST_CONTEXT: undefined },
  });
  assert.equal(status, 0, stderr);
  assert.match(stdout, /dist\/index\.js/, 'the list names what is loaded');
  assert.doesNotMatch(stdout, /dist\/postgres\//);
});
