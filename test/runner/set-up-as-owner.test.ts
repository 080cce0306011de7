/** How an orphan's runner is set up: as its owner was, and not as its sweeper is. */
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sweep } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { runCommandLine } from '../helpers/command-line.ts';
import { makeProject, runNode } from '../helpers/program.ts';

const quiet = { logger: null, retryDelayMs: 0 };

/** Registers `tell`, which writes what it finds, then dies. */
const tells = `
import { DeferredFunctionManager } from 'deferred-sweep';
import { tell } from './tell.mjs';
if (process.argv[2] === 'elsewhere') process.chdir('elsewhere');
const job = await new DeferredFunctionManager(process.env.BASE, { logger: null, env: ['TOLD'] }).open();
job.defer(tell, process.env.LEDGER);
process.kill(process.pid, 'SIGKILL');
`;
const tell = `
import { appendFileSync } from 'node:fs';
export function tell(ledger) {
  const found = [globalThis.hooked, process.env.FROM_FILE, process.env.TOLD, process.umask().toString(8)];
  appendFileSync(ledger, found.join(' ') + '\\n');
}`;

for (const [title, args, env] of [
  ['-r ./setup.cjs', ['-r', './setup.cjs', 'main.mjs', 'here'], {}],
  ['-r ./setup.cjs, then chdir', ['-r', './setup.cjs', 'main.mjs', 'elsewhere'], {}],
  ['--import ./setup.cjs, then chdir', ['--import', './setup.cjs', 'main.mjs', 'elsewhere'], {}],
  ['NODE_OPTIONS', ['main.mjs', 'here'], { NODE_OPTIONS: '-r ./setup.cjs' }],
] as const) {
  test(`what the owner was started with is loaded again, and nothing of the sweeper's: ${title}`, async t => {
    const project = makeProject(t, {
      'main.mjs': tells,
      'tell.mjs': tell,
      'setup.cjs': 'globalThis.hooked = "yes";',
      '.env': 'FROM_FILE=file\n',
    });
    mkdirSync(join(project.directory, 'elsewhere'));
    const options = { env: { TOLD: 'owner', ...env } };
    assert.equal(runNode(project, ['--env-file=.env', ...args], options).signal, 'SIGKILL');
    const other = makeProject(t, { 'other.cjs': 'globalThis.hooked = "of the sweeper";' });
    const ended = runCommandLine(['--json', project.base], {
      cwd: other.directory,
      env: { ...process.env, TOLD: 'sweeper', NODE_OPTIONS: '-r ./other.cjs' },
    });
    assert.equal(ended.status, 0, ended.stdout + ended.stderr);
    assert.deepEqual(read(project.ledger), ['yes file owner 22']);
  });
}

test('an orphan has the umask with which its job was opened, though the job before had another', async t => {
  const project = makeProject(t, {
    'main.mjs': `
      import { DeferredFunctionManager } from 'deferred-sweep';
      import { tell } from './tell.mjs';
      const manager = new DeferredFunctionManager(process.env.BASE, { logger: null });
      await manager.run(() => {});
      process.umask(0o077);
      const job = await manager.open();
      job.defer(tell, process.env.LEDGER);
      process.kill(process.pid, 'SIGKILL');`,
    'tell.mjs': tell,
  });
  assert.equal(runNode(project, ['main.mjs']).signal, 'SIGKILL');
  assert.equal((await sweep(project.base, quiet)).ok, 1);
  assert.match(read(project.ledger)[0] ?? '', / 77$/);
});

test('an orphan has the NODE_OPTIONS and the options of Node of its own job, not those of the job before', async t => {
  const project = makeProject(t, {
    'main.mjs': `
      import { DeferredFunctionManager } from 'deferred-sweep';
      import { tell } from './tell.mjs';
      const manager = new DeferredFunctionManager(process.env.BASE, { logger: null });
      await manager.run(() => {});
      if (process.argv[2] === 'NODE_OPTIONS') process.env.NODE_OPTIONS = '-r ./setup.cjs';
      else process.execArgv.push('-r', './setup.cjs');
      const job = await manager.open();
      job.defer(tell, process.env.LEDGER);
      process.kill(process.pid, 'SIGKILL');`,
    'tell.mjs': tell,
    'setup.cjs': 'globalThis.hooked = "yes";',
  });
  for (const which of ['NODE_OPTIONS', 'execArgv']) {
    assert.equal(runNode(project, ['main.mjs', which]).signal, 'SIGKILL');
    assert.equal((await sweep(project.base, quiet)).ok, 1);
  }
  assert.deepEqual(
    read(project.ledger).map(line => line.split(' ')[0]),
    ['yes', 'yes'],
  );
});

test('a loader that is gone is left out, and the report says so', async t => {
  const project = makeProject(t, { 'main.mjs': tells, 'tell.mjs': tell, 'setup.cjs': '' });
  runNode(project, ['-r', './setup.cjs', 'main.mjs', 'here']);
  writeFileSync(join(project.directory, 'setup.cjs'), 'process.exit(3);');
  const [ran] = (await sweep(project.base, quiet)).files[0]!.functions;
  assert.deepEqual([ran?.outcome, ran?.notes], ['ok', ['without-loaders']]);
});

test('a command is the program that was found at its registration, and refused where there is none', async t => {
  const project = makeProject(t, {
    'main.mjs': `
      import { DeferredFunction, DeferredFunctionManager } from 'deferred-sweep';
      const job = await new DeferredFunctionManager(process.env.BASE, { logger: null }).open();
      try { DeferredFunction.command('no-such-program-here'); } catch (error) { console.log(error.code); }
      job.defer(DeferredFunction.command('tool', [process.env.LEDGER]));
      process.kill(process.pid, 'SIGKILL');`,
    tool: '#!/bin/sh\necho ran >> "$1"\n',
  });
  chmodSync(join(project.directory, 'tool'), 0o755);
  const { stdout } = runNode(project, ['main.mjs'], { env: { PATH: `${project.directory}:/usr/bin:/bin` } });
  assert.equal(stdout, 'DEFERRED_FUNCTION_MISSING\n');
  assert.equal(runCommandLine([project.base], { env: {} }).status, 0);
  assert.deepEqual(read(project.ledger), ['ran']);
});
