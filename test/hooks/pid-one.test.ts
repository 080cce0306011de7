/** Containers as the kernel sees them: pid 1 of a pid namespace, with the volume that outlives it. Section Kubernetes of docs/hooks.md. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { installCommand, plainEnvironment } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { hookBlock } from '../helpers/hooks-page.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { childrenOf, runsOneOf } from '../helpers/process-life.ts';
import { until } from '../helpers/until.ts';
import { ALICE, directoryOf } from '../helpers/users.ts';

const container = ['--pid', '--fork', '--kill-child', '--mount-proc'];
const noNamespaces =
  spawnSync('unshare', [...container, 'true']).status === 0
    ? false
    : 'NOT TESTED: no pid namespace can be made here; needs unshare of util-linux';
const noTini = spawnSync('tini', ['--version']).error
  ? 'NOT TESTED: tini is missing; apt-get install tini'
  : false;

/** Registers a function, starts a child that leaves a grandchild to pid 1, and stays. */
const program = `
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
const [state, closes] = process.argv.slice(2);
const job = await new DeferredFunctionManager(state, { trustedPaths: [state], closeOnSignal: closes !== undefined }).open();
job.defer(async state => (await import('node:fs')).writeFileSync(state + '/cleaned', ''), state);
spawn('sh', ['-c', 'true & exec sleep 0.1'], { stdio: 'ignore' }).once('exit', () => writeFileSync(state + '/begun', String(process.pid)));
setInterval(() => {}, 1000);
`;

describe('a container', { skip: notForOthers || noNamespaces }, () => {
  test('whose pid 1 was killed is cleaned up by the init container of the next start, not by a preStop before', async t => {
    const { start, run, state } = place(t);
    const worker = start(process.execPath, 'PROGRAM', state);
    await until('the worker', () => existsSync(join(state, 'begun')));
    const preStop = run(
      'nsenter',
      '--target',
      String(pidOne(worker)),
      '--pid',
      '--mount',
      ...sweepLine(state),
    );
    assert.equal(preStop.status, 0);
    assert.match(preStop.stdout, /0 done, 0 failed, 0 left for later, 1 live owner$/m);
    process.kill(pidOne(worker), 'SIGKILL');
    await once(worker, 'exit');
    const { stdout, stderr } = run('unshare', ...container, ...sweepLine(state));
    assert.match(stdout, /1 done, 0 failed/, stderr);
    assert.ok(existsSync(join(state, 'cleaned')));
  });

  test('whose volume others may write to is not swept without --trust', async t => {
    const { start, run, state } = place(t);
    const worker = start(process.execPath, 'PROGRAM', state);
    await until('the worker', () => existsSync(join(state, 'begun')));
    process.kill(pidOne(worker), 'SIGKILL');
    await once(worker, 'exit');
    const [command = '', ...args] = sweepLine(state).filter(word => word !== '--exit-zero');
    const at = args.indexOf('--trust');
    assert.equal(run('unshare', ...container, command, ...args.toSpliced(at, 2)).status, 3);
    assert.ok(!existsSync(join(state, 'cleaned')));
  });

  for (const [name, words, zombies] of [
    ['Node', [], 1],
    ['tini', ['tini', '--'], 0],
    ['deferred-sweep exec', ['COMMAND', 'exec', '--base', 'BASE', '--'], 0],
  ] as const)
    test(`whose pid 1 is ${name} has ${zombies === 0 ? 'no zombies' : 'a zombie'}`, {
      skip: name === 'tini' && noTini,
    }, async t => {
      const { start, state } = place(t);
      const worker = start(...words, process.execPath, 'PROGRAM', state);
      await until('the worker', () => existsSync(join(state, 'begun')));
      const counted = (): number => zombiesBelow(pidOne(worker));
      if (zombies === 0) await until('an end of zombies', () => counted() === 0);
      else assert.equal(counted(), zombies);
    });

  test('whose pid 1 is deferred-sweep exec cleans up when its program is killed, and ends with 128 + 9', async t => {
    const { start, state } = place(t);
    const worker = start(
      'COMMAND',
      'exec',
      '--base',
      'BASE',
      '--defer',
      `touch ${state}/deferred-ran`,
      '--',
      process.execPath,
      'PROGRAM',
      state,
    );
    await until('the worker', () => existsSync(join(state, 'begun')));
    const [child] = childrenOf(pidOne(worker)).filter(pid => runsOneOf('program.mjs', pid));
    process.kill(child!, 'SIGKILL');
    assert.deepEqual(await once(worker, 'exit'), [137, null]);
    assert.ok(existsSync(join(state, 'deferred-ran')));
  });

  test('whose pid 1 closes on signals cleans up at SIGTERM, and ends with 128 + 15', async t => {
    const { start, state } = place(t);
    const worker = start(process.execPath, 'PROGRAM', state, 'closeOnSignal');
    await until('the worker', () => existsSync(join(state, 'begun')));
    process.kill(pidOne(worker), 'SIGTERM');
    assert.deepEqual(await once(worker, 'exit'), [143, null]);
    assert.ok(existsSync(join(state, 'cleaned')));
  });
});

/** A volume as an emptyDir is, and containers of an ordinary user in which PROGRAM and COMMAND are there. */
function place(t: TestContext) {
  const root = freshDirectory(t);
  chmodSync(root, 0o755);
  const state = join(root, 'state');
  mkdirSync(state);
  chmodSync(state, 0o777);
  // exec has no --trust.
  const base = directoryOf(join(root, 'base'), ALICE, 0o700);
  const file = join(root, 'program.mjs');
  writeFileSync(file, program);
  const command = installCommand(root);
  const own = (words: readonly string[]): string[] =>
    words.map(word => ({ PROGRAM: file, COMMAND: command, BASE: base })[word] ?? word);
  return {
    state,
    /** As pid 1 of a container. */
    start(...words: string[]): ChildProcess {
      const child = spawn('unshare', [...container, ...asUser, ...own(words)], {
        cwd: '/',
        env: plainEnvironment(),
        stdio: 'ignore',
      });
      // unshare's --kill-child is lost in the change of user. With pid 1 all of the container ends.
      t.after(() => {
        for (const pid of childrenOf(child.pid!)) process.kill(pid, 'SIGKILL');
        child.kill('SIGKILL');
      });
      return child;
    },
    /** To its end. */
    run: (program: string, ...words: string[]) =>
      spawnSync(program, own(words), { cwd: '/', env: plainEnvironment(), encoding: 'utf8' }),
  };
}

const asUser = ['setpriv', '--reuid', String(ALICE), '--regid', String(ALICE), '--clear-groups'];

/** The line of the page, as the user. */
function sweepLine(state: string): string[] {
  const [, list = ''] = /command: (\[.*\])/.exec(hookBlock('Kubernetes')) ?? [];
  const words = (JSON.parse(list) as string[]).map(word => (word === '/state' ? state : word));
  return [...asUser, 'COMMAND', ...words.slice(1)];
}

/** Of the container that `unshare` holds: its only child. */
function pidOne({ pid }: ChildProcess): number {
  return childrenOf(pid!)[0] ?? assert.fail('no pid 1');
}

/** Ended processes that pid 1 has not reaped. */
function zombiesBelow(pid: number): number {
  return childrenOf(pid).filter(child => /\) Z /.test(readFileSync(`/proc/${child}/stat`, 'utf8'))).length;
}
