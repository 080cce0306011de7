import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { installCommand, linkPackage, packageRoot, plainEnvironment } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { createMark, MARK_VARIABLE, markedProcesses } from '../helpers/process-marks.ts';

/** A project in which the package and its command are found, as after `npm install`, and TMPDIR is its own. */
function project(t: TestContext): {
  directory: string;
  temporary: string;
  env: NodeJS.ProcessEnv;
  mark: string;
} {
  const directory = freshDirectory(t);
  linkPackage(directory);
  const bin = join(directory, 'node_modules', '.bin');
  mkdirSync(bin);
  installCommand(bin);
  const temporary = freshDirectory(t);
  const mark = createMark(t);
  const env = {
    ...plainEnvironment(),
    PATH: `${bin}:${process.env.PATH}`,
    TMPDIR: temporary,
    [MARK_VARIABLE]: mark,
  };
  return { directory, temporary, env, mark };
}

/** The first program in this language of a page. */
function programOf(page: string, language: string): string {
  const text = readFileSync(join(packageRoot, 'docs', page), 'utf8');
  const [, program] = new RegExp(`\`\`\`${language}\n(.*?)\`\`\``, 's').exec(text) ?? [];
  return program ?? assert.fail(`${page} has no program`);
}

test('the worker of docs/actions.md leaves two processes and a directory, and a sweep neither', t => {
  const { directory, temporary, env, mark } = project(t);
  writeFileSync(join(directory, 'worker.mjs'), programOf('actions.md', 'js'));
  const worker = spawnSync(process.execPath, ['worker.mjs'], { cwd: directory, env, encoding: 'utf8' });
  assert.equal(worker.signal, 'SIGKILL', worker.stderr);
  assert.equal(readdirSync(temporary).length, 1);
  const sweep = spawnSync('deferred-sweep', ['node-state'], { cwd: directory, env, encoding: 'utf8' });
  assert.equal(sweep.status, 0, sweep.stderr);
  assert.match(sweep.stdout, / 2 done, 0 failed/);
  assert.deepEqual(readdirSync(temporary), []);
  assert.deepEqual(markedProcesses(mark), []);
});

test('the script of docs/exec.md does what the page says', t => {
  const { directory, temporary, env } = project(t);
  writeFileSync(join(directory, 'script.sh'), programOf('exec.md', 'sh'));
  const script = spawnSync('sh', ['script.sh'], { cwd: directory, env, encoding: 'utf8' });
  assert.equal(script.stderr, 'over\n');
  assert.match(script.stdout, /^\d+\nit said 3\n$/);
  assert.match(readFileSync(join(directory, 'notes'), 'utf8'), /^in .*scratch-/);
  assert.deepEqual(readdirSync(temporary), []);
  assert.deepEqual(readdirSync(directory).sort(), ['node-state', 'node_modules', 'notes', 'script.sh']);
});
