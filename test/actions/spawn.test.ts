import assert from 'node:assert/strict';
import { spawn as nodeSpawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { endProcesses, spawn } from '#dist/actions/index.js';
import { DeferredFunctionManager, type SweepReport, sweep } from '#dist/index.js';
import { type Child, startChild } from '../helpers/child.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { makeGate } from '../helpers/gate.ts';
import { isAlive, nameProcess, type ProcessName, thisProcess } from '../helpers/process-life.ts';
import { createMark, MARK_VARIABLE, markedProcesses } from '../helpers/process-marks.ts';
import { sample } from '../helpers/size.ts';
import { sweepFreed } from '../helpers/worker.ts';
import { type Tree, trees } from './trees.ts';

interface Spawned {
  readonly owner: Child;
  readonly base: string;
  readonly path: string;
  /** All processes of the tree that tell of themselves. */
  readonly processes: readonly ProcessName[];
  readonly child: number;
  /** Those of the tree that live, whether they told of themselves or not. */
  living(): readonly ProcessName[];
}

/** A worker that has spawned a tree, all of which runs. */
async function startOwner(t: TestContext, tree: Tree, options: object = {}): Promise<Spawned> {
  const base = freshDirectory(t);
  const mark = createMark(t);
  const plan = { base, file: tree.file, argv: tree.argv, options, lines: tree.pids };
  const owner = startChild(t, 'spawner', {
    args: [JSON.stringify(plan)],
    env: { [MARK_VARIABLE]: mark },
  });
  const { path, child, pids } = await owner.next<{ path: string; child: number; pids: number[] }>();
  const processes = pids.map(nameProcess);
  t.after(() => {
    for (const each of processes) if (isAlive(each)) process.kill(each.pid, 'SIGKILL');
  });
  assert.equal(processes.filter(isAlive).length, tree.pids, 'the tree is not what this test means');
  const living = () => {
    const known = processes.filter(isAlive);
    const marked = markedProcesses(mark).filter(({ pid }) => pid !== owner.pid);
    return [...known, ...marked.filter(({ pid }) => !known.some(each => each.pid === pid))];
  };
  return { owner, base, path, processes, child, living };
}

for (const [name, tree] of sample(Object.entries(trees), 3)) {
  test(`none of a tree of ${name} outlives a killed owner and a sweep`, async t => {
    const { owner, base, processes, living } = await startOwner(t, tree, { killGraceMs: 300 });
    await owner.kill();
    assert.equal(processes.filter(isAlive).length, tree.pids, 'some ended by themselves');
    const report = await sweepFreed(base);
    assert.deepEqual([report.ok, report.failed], [1, 0], JSON.stringify(report));
    assert.deepEqual(living(), []);
  });

  test(`none of a tree of ${name} outlives the end of its job`, async t => {
    const { owner, living } = await startOwner(t, tree, { killGraceMs: 300 });
    const report = await owner.ask<SweepReport>('close');
    assert.deepEqual([report.ok, report.failed], [1, 0], JSON.stringify(report));
    assert.deepEqual(living(), []);
  });
}

test('a process whose first thread has ended does not outlive the job in another one', async t => {
  const program =
    'import os, threading, time, ctypes; os.write(1, b"%d\\n" % os.getpid()); ' +
    'threading.Thread(target=time.sleep, args=(86400,)).start(); ctypes.CDLL(None).pthread_exit(None)';
  const argv = ['-c', `(setsid python3 -c '${program}' &); exec sleep 86400`];
  const base = freshDirectory(t);
  const plan = { base, file: 'sh', argv, options: { killGraceMs: 300 }, lines: 1 };
  const owner = startChild(t, 'spawner', { args: [JSON.stringify(plan)] });
  const { pids } = await owner.next<{ pids: [number] }>();
  const path = `/proc/${pids[0]}/status`;
  const state = () => {
    const [, letter, threads] =
      /^State:\s+(\w).*^Threads:\s+(\d+)/ms.exec(existsSync(path) ? readFileSync(path, 'latin1') : '') ?? [];
    return letter && `${letter}${threads}`;
  };
  t.after(() => state() === 'Z2' && process.kill(pids[0], 'SIGKILL'));
  while (state() !== 'Z2') await setImmediate();
  await owner.kill();
  await sweepFreed(base);
  // A zombie of no thread waits for init.
  assert.ok([undefined, 'Z1'].includes(state()), state());
});

test('a process may clean up in its grace', async t => {
  const base = freshDirectory(t);
  const proof = join(base, 'proof');
  const argv = ['-c', `trap 'echo cleaned > ${proof}; exit' TERM; echo $$; while :; do sleep 1; done`];
  const { owner } = await startOwner(t, { file: 'sh', argv, pids: 1 }, { killGraceMs: 30_000 });
  await owner.ask('close');
  assert.equal(readFileSync(proof, 'utf8'), 'cleaned\n');
});

test('a stranger with a copy of every other variable is not hit, nor one with the token in its arguments', async t => {
  const { owner, base, child, processes } = await startOwner(t, trees.shells!);
  const { DEFERRED_SWEEP_TOKEN: token, ...others } = variablesOf(child);
  assert.ok(token);
  const stranger = nodeSpawn('sh', ['-c', `: DEFERRED_SWEEP_TOKEN=${token}; echo; sleep 86400; :`], {
    env: { ...others, ANOTHER_TOKEN: token, DEFERRED_SWEEP_TOKENS: token },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  t.after(() => process.kill(-stranger.pid!, 'SIGKILL'));
  await once(stranger.stdout!, 'data');
  const named = nameProcess(stranger.pid!);
  await owner.kill();
  await sweepFreed(base);
  assert.deepEqual(processes.filter(isAlive), []);
  assert.ok(isAlive(named));
  assert.equal(statusOf(named.pid), 'S', 'it was stopped');
});

test('a spawn that ended with all it started leaves no registration', async t => {
  const argv = ['-c', 'sh -c "exit 0" & read line < "$0"'];
  const gate = makeGate(freshDirectory(t));
  const { owner, base, path } = await startOwner(t, { file: 'sh', argv: [...argv, gate], pids: 0 });
  const registered = readFileSync(path).length;
  writeFileSync(gate, 'go\n');
  await owner.ask('exited');
  // The worker looks for others only then, which takes some turns of its event loop: asked until it has.
  while (readFileSync(path).length === registered) await owner.ask('exited');
  await owner.kill();
  const report = await sweepFreed(base);
  assert.deepEqual([report.ok, report.failed], [0, 0]);
});

test('a program that cannot be started leaves no registration', async t => {
  const base = freshDirectory(t);
  const manager = new DeferredFunctionManager(base, { logger: null });
  const job = await manager.open();
  const child = spawn(job, join(base, 'missing'));
  const [error] = (await once(child, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ENOENT');
  assert.throws(() => spawn(job, 'sh', ['\0']), { code: 'ERR_INVALID_ARG_VALUE' });
  assert.throws(() => spawn(job, 'sh', { killGraceMs: -1 }), RangeError);
  let report = await job.close();
  // Cancelled, or run and found nothing; never failed.
  assert.equal(report.failed, 0);
  report = await manager.close();
  assert.equal(report.failed, 0);
});

test('what a launcher left behind is ended with the job', async t => {
  const { owner, processes } = await startOwner(t, {
    file: 'sh',
    argv: ['-c', '(setsid sh -c "echo \\$\\$; exec sleep 86400" &)'],
    pids: 1,
  });
  await owner.ask('exited');
  const report = await owner.ask<SweepReport>('close');
  assert.equal(report.ok, 1);
  assert.deepEqual(processes.filter(isAlive), []);
});

test('the token of an outer job stays findable in the children of an inner one', async t => {
  const base = freshDirectory(t);
  const mark = createMark(t);
  const inner = {
    base,
    file: 'sh',
    argv: ['-c', 'echo $$; exec sleep 86400'],
    lines: 1,
    options: { env: {} },
  };
  const manager = new DeferredFunctionManager(freshDirectory(t), { logger: null });
  const job = await manager.open();
  // The fixture is a process of the outer job.
  const outer = spawn(
    job,
    process.execPath,
    [new URL('../fixtures/spawner.js', import.meta.url).pathname, JSON.stringify(inner)],
    {
      env: { ...process.env, NODE_TEST_CONTEXT: undefined, [MARK_VARIABLE]: mark },
      stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
    },
  );
  const [{ pids }] = (await once(outer, 'message')) as [{ pids: number[] }];
  const [sleeper] = pids.map(nameProcess);
  assert.ok(isAlive(sleeper!));
  const died = once(outer, 'exit');
  outer.kill('SIGKILL');
  await died;
  assert.ok(isAlive(sleeper!));
  const report = await job.close();
  assert.deepEqual([report.ok, report.failed], [1, 0]);
  assert.ok(!isAlive(sleeper!));
  assert.deepEqual(markedProcesses(mark), []);
  await sweep(base, { logger: null });
});

test('it ends neither itself nor its ancestors, and says that they are left', async t => {
  // The sweeper is a process of the very job that it sweeps.
  const tree = { file: 'sh', argv: ['-c', 'echo $$; exec sleep 86400'], pids: 1 };
  const { owner, base: swept, child } = await startOwner(t, tree);
  const token = variablesOf(child).DEFERRED_SWEEP_TOKEN;
  await owner.kill();
  const sweeper = startChild(t, 'job-sweeper', {
    args: [JSON.stringify({ verb: 'sweep', base: swept })],
    env: { DEFERRED_SWEEP_TOKEN: token },
  });
  const report = await sweeper.next<SweepReport>();
  assert.equal(report.failed, 1, JSON.stringify(report));
  assert.equal(report.files[0]?.functions[0]?.error?.code, 'DEFERRED_ACTION_FAILED');
  assert.match(
    report.files[0]?.functions[0]?.error?.message ?? '',
    new RegExp(`${sweeper.pid} \\(an ancestor`),
  );
  assert.deepEqual(await sweeper.closed, { code: 0, signal: null });
  assert.ok(isAlive(thisProcess));
  const again = await sweep(swept, { logger: null, retryDelayMs: 0 });
  assert.deepEqual([again.ok, again.failed], [1, 0]);
});

test('after another boot there is nothing to end; from another PID namespace nothing can be said', async () => {
  const marked = { token: 'none', bootId: 'another', pidNamespace: null, killGraceMs: 0 };
  await endProcesses(marked);
  const elsewhere = { ...marked, bootId: null, pidNamespace: 'pid:[1]' };
  if (process.platform !== 'linux') return;
  // The first namespace of a machine sees all others.
  if (readlinkSync('/proc/self/ns/pid') === 'pid:[4026531836]') await endProcesses(elsewhere);
  else await assert.rejects(endProcesses(elsewhere), { code: 'DEFERRED_UNSUPPORTED' });
});

function statusOf(pid: number): string {
  return /\) (.)/.exec(readFileSync(`/proc/${pid}/stat`, 'latin1'))?.[1] ?? '';
}

function variablesOf(pid: number): NodeJS.ProcessEnv {
  const pairs = readFileSync(`/proc/${pid}/environ`, 'utf8').split('\0');
  return Object.fromEntries(
    pairs.map(pair => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]),
  );
}

/** Of all processes that live, those that run a program with this in its path. */
function running(program: string): readonly ProcessName[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name) && programOf(name).includes(program))
    .map(name => nameProcess(Number(name)))
    .filter(isAlive);
}

function programOf(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/exe`);
  } catch {
    // Ended, or a thread of the kernel.
    return '';
  }
}

test('none of the processes of Chromium outlives a killed owner and a sweep', {
  skip: existsSync('/usr/bin/chromium') ? false : 'NOT TESTED: Chromium is not installed',
}, async t => {
  const profile = freshDirectory(t);
  const options = `--headless --no-sandbox --disable-gpu --remote-debugging-port=0 --user-data-dir=${profile}`;
  const script = `chromium ${options} about:blank 2>&1 | while read -r line; do case $line in *listening*) echo $$; esac; done`;
  const before = running('chromium').length;
  const { owner, base } = await startOwner(t, { file: 'sh', argv: ['-c', script], pids: 1 });
  assert.ok(running('chromium').length > before);
  await owner.kill();
  const report = await sweepFreed(base);
  assert.deepEqual([report.ok, report.failed], [1, 0], JSON.stringify(report));
  assert.equal(running('chromium').length, before);
});
