import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandLinePath, linkPackage, packageRoot } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

// A program must not take itself for a part of the test runner.
const env = { ...process.env, NODE_TEST_CONTEXT: undefined };

function run(program: string, args: readonly string[], cwd = packageRoot) {
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    cwd,
    env,
    encoding: 'utf8',
  });
  return { status, signal, stdout, stderr };
}

/** A directory where `deferred-sweep` can be imported, as after `npm install`. */
function projectDirectory(t: Parameters<typeof freshDirectory>[0]): string {
  const directory = freshDirectory(t);
  linkPackage(directory);
  return directory;
}

function scratchDirectories(directory: string): string[] {
  return readdirSync(directory).filter(name => name.startsWith('scratch-'));
}

test("README's program leaves its directory behind and the command of README removes it", t => {
  const readme = readFileSync(join(packageRoot, 'README.md'), 'utf8');
  const program = /```js\n(.*?)```/s.exec(readme)?.[1] ?? assert.fail('README has no program');
  assert.match(readme, /npx deferred-sweep node-state/);
  const directory = projectDirectory(t);
  writeFileSync(join(directory, 'worker.mjs'), program);

  const worker = run('worker.mjs', [], directory);
  assert.equal(worker.signal, 'SIGKILL', worker.stderr);
  assert.equal(scratchDirectories(directory).length, 1);

  const sweep = run(commandLinePath, ['node-state'], directory);
  assert.equal(sweep.status, 0, sweep.stderr);
  assert.match(sweep.stdout, / 1 done, 0 failed, 0 left for later, 0 live owners\n$/);
  assert.deepEqual(scratchDirectories(directory), []);
});

test('README says what it is and shows its program within 25 lines or so, and names the two commands', () => {
  const lines = readFileSync(join(packageRoot, 'README.md'), 'utf8').split('\n');
  const closing = lines.indexOf('```', lines.indexOf('```js'));
  assert.ok(closing > 0 && closing < 25, `the program ends in line ${closing + 1}`);
  assert.ok(lines.includes('npm ci && npm run demo'));
  assert.ok(lines.includes('npm ci && npm test'));
});

test('every local link of README and of docs leads to a file', () => {
  const pages = ['README.md', ...readdirSync(join(packageRoot, 'docs')).map(name => `docs/${name}`)];
  const dead: string[] = [];
  for (const page of pages.filter(name => name.endsWith('.md'))) {
    const text = readFileSync(join(packageRoot, page), 'utf8');
    for (const [, target = ''] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
      if (!/^[a-z]+:/.test(target) && !existsSync(join(packageRoot, page, '..', target)))
        dead.push(`${page}: ${target}`);
    }
  }
  assert.deepEqual(dead, []);
});

test('examples/scratch-directory.mjs removes its directory at the end of the job', t => {
  const base = freshDirectory(t);
  const { status, stdout, stderr } = run('examples/scratch-directory.mjs', [base]);
  assert.equal(status, 0, stderr);
  assert.equal(stdout, 'counted 3 lines; the scratch directory is gone\n');
  assert.deepEqual(readdirSync(join(base, 'deferred')), []);
});

test('examples/shutdown-hook.mjs cleans up after a dead worker and says what it gave up', t => {
  const directory = projectDirectory(t);
  const program = `
    import { DeferredFunctionManager } from 'deferred-sweep';
    const job = await new DeferredFunctionManager('state', { maxAttempts: 2 }).open();
    job.defer(async path => (await import('node:fs')).writeFileSync(path, ''), ${JSON.stringify(join(directory, 'proof'))});
    job.defer(function refuse() { throw new Error('never'); });
    process.kill(process.pid, 'SIGKILL');`;
  writeFileSync(join(directory, 'worker.mjs'), program);
  assert.equal(run('worker.mjs', [], directory).signal, 'SIGKILL');

  const { status, stdout, stderr } = run('examples/shutdown-hook.mjs', [join(directory, 'state')]);
  assert.equal(status, 1, stderr);
  assert.match(stdout, /^1 done, 1 failed, 0 workers still alive\ngiven up: refuse, see (.*)\n$/);
  const [, letter = ''] = /see (.*)/.exec(stdout) ?? [];
  assert.ok(existsSync(letter));
  assert.ok(existsSync(join(directory, 'proof')));
});

test('examples/container.mjs removes the container it started', t => {
  const base = freshDirectory(t);
  // As much of a container engine as the example needs: a container is a directory.
  const engine = join(base, 'engine');
  writeFileSync(
    engine,
    `#!/bin/sh
case $1 in
  run) echo "run $4" >> '${base}/log'; mkdir '${base}/'"$4" ;;
  rm) echo "rm $3" >> '${base}/log'; rmdir '${base}/'"$3" ;;
esac
`,
  );
  chmodSync(engine, 0o700);
  const { status, stdout, stderr } = run('examples/container.mjs', [base, engine]);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^(job-\d+-\d+) runs; its cleanup is in .*\n1 done, 0 failed\n$/);
  const name = stdout.split(' ', 1)[0];
  assert.equal(readFileSync(join(base, 'log'), 'utf8'), `run ${name}\nrm ${name}\n`);
  assert.ok(!existsSync(join(base, `${name}`)));
});
