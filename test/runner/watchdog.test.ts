/** Runners whose event loop is stuck, and whose sweeper is dead, stopped or deceived: the kernel ends them. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SweepReport, sweep } from '#dist/index.js';
import { replay } from '#dist/log/replay.js';
import { type Call, read } from '../helpers/calls.ts';
import { type Child, endGroup, startChild } from '../helpers/child.ts';
import { commandLinePath } from '../helpers/command-line.ts';
import { prlimitMissing } from '../helpers/file-size-limit.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { onlyFull } from '../helpers/size.ts';
import { straceMissing } from '../helpers/strace.ts';
import { freshPlace, leaveOrphan, type Place, sweepElsewhere, sweepFreed } from '../helpers/worker.ts';

type Stuck = typeof import('../fixtures/stuck.ts');

/** What must never end would: a failure then, not a hang. */
const bounded = { timeout: 120_000 };
/** Time for the test to kill or stop the sweeper before that would kill the runner. */
const limits = { timeoutMs: 3000, killGraceMs: 100 };
/** Of a function that is done at once. */
const quickMs = 1000;

/** The stuck one is the first of its runner: the time for what one before it leaves behind would end it as well. */
function stuckCalls(name: keyof Stuck): Call[] {
  const module = import.meta.resolve('../fixtures/stuck.js');
  return [
    { do: 'module', module, export: name, text: 'stuck' },
    { do: 'append', text: 'behind' },
  ];
}

function textsOf(ledger: string): (string | undefined)[] {
  return read(ledger).map(line => line.split(' ')[0]);
}

/** The process that runs, or ran, the stuck function. */
function runnerOf(ledger: string): number {
  return Number(
    read(ledger)
      .find(line => line.startsWith('stuck'))
      ?.split(' ')[1],
  );
}

/** Should the test fail, its runner is ended: nobody else would do that. */
function placeOfRunner(t: TestContext): Place {
  let place: Place | undefined;
  // Before everything else: the ledger is still there then, and a sweeper's end waits for its runner's.
  t.after(() => {
    const runner = runnerOf(place!.ledger);
    if (runner) endGroup(runner); // NaN where it never came to the function
  });
  place = freshPlace(t);
  return place;
}

interface StuckRunner extends Place {
  /** The state file. */
  readonly path: string;
  readonly sweeper: Child;
  /** Resolves when the runner is gone. */
  readonly gone: Promise<unknown>;
  readonly letThrough: () => Promise<void>;
}

/** An orphan's function has come to the gate, in a runner of `sweeper`. */
async function runnerAtGate(t: TestContext, name: keyof Stuck, killGraceMs: number): Promise<StuckRunner> {
  const place = placeOfRunner(t);
  const { base, ledger, root } = place;
  const [fifo, alive] = [makeGate(root), join(root, 'alive')];
  assert.equal(spawnSync('mkfifo', [alive]).status, 0);
  const options = { timeoutMs: limits.timeoutMs, maxAttempts: 1 };
  const path = await leaveOrphan(t, { base, ledger, calls: stuckCalls(name), options });
  const gone = readFile(alive);
  const plan = { verb: 'sweep', base, options: { killGraceMs } };
  const sweeper = startChild(t, 'job-sweeper', { args: [JSON.stringify(plan)] });
  return { ...place, path, sweeper, gone, letThrough: await arrivalAt(fifo) };
}

for (const [title, name] of [
  ['in an endless loop', 'loopBehindGate'],
  ['in an endless loop, all signals handled,', 'handleSignalsAndLoop'],
  ['in a system call', 'blockAtGate'],
] as const) {
  // With all signals handled it is the harder one.
  const skip = name === 'loopBehindGate' && onlyFull;
  test(`a function stuck ${title} in the runner of a killed sweeper ends at its time limit, and the next sweep goes on behind it`, {
    ...bounded,
    skip,
  }, async t => {
    const { base, ledger, path, sweeper, gone, letThrough } = await runnerAtGate(t, name, limits.killGraceMs);
    assert.deepEqual(await sweeper.kill(), { code: null, signal: 'SIGKILL' });
    if (name !== 'blockAtGate') {
      await untilNearLimit(path);
      await letThrough();
    }
    await gone;
    if (name === 'blockAtGate') await letThrough();
    await sweeper.closed;
    const report = await sweepFreed(base);
    // The one attempt it had.
    assert.deepEqual([report.ok, report.failed, report.pending], [1, 1, 0]);
    assert.deepEqual(textsOf(ledger), ['stuck', 'behind']);
  });
}

test(
  'a function stuck in an endless loop in the runner of a stopped sweeper ends at its time limit; continued, the sweeper runs what is behind it',
  bounded,
  async t => {
    const { ledger, path, sweeper, gone, letThrough } = await runnerAtGate(
      t,
      'loopBehindGate',
      limits.killGraceMs,
    );
    sweeper.process.kill('SIGSTOP');
    await untilNearLimit(path);
    await letThrough();
    await gone;
    assert.deepEqual(textsOf(ledger), ['stuck']);
    sweeper.process.kill('SIGCONT');
    const report = await sweeper.next<SweepReport>();
    assert.deepEqual([report.ok, report.failed, report.pending], [1, 1, 0]);
    assert.deepEqual(textsOf(ledger), ['stuck', 'behind']);
  },
);

for (const [title, name] of [
  ['a loop', 'leaveLoopBehind'],
  ['a loop at the exit', 'leaveExitHandlerBehind'],
] as const) {
  test(`a function that is done but leaves ${title} behind it hangs no sweep`, bounded, async t => {
    const { base, ledger } = placeOfRunner(t);
    await leaveOrphan(t, { base, ledger, calls: stuckCalls(name), options: { timeoutMs: quickMs } });
    const report = await sweep(base, { logger: null, killGraceMs: 100 });
    assert.deepEqual([report.ok, report.failed, report.pending], [2, 0, 0]);
    assert.deepEqual(textsOf(ledger), ['stuck', 'behind']);
  });
}

test(
  "an exit handler that a function leaves in a killed sweeper's runner has time of its own, though the function has used up most of its own",
  bounded,
  async t => {
    const { ledger, path, sweeper, gone, letThrough } = await runnerAtGate(
      t,
      'exitSlowlyBehindGate',
      limits.killGraceMs,
    );
    await sweeper.kill();
    await untilNearLimit(path);
    await letThrough();
    await gone;
    assert.deepEqual(textsOf(ledger), ['stuck', 'exited']);
  },
);

test(
  'a suspended runner keeps its file, past its time limit; continued, its function has its grace first',
  bounded,
  async t => {
    const { base, ledger, path, sweeper, gone, letThrough } = await runnerAtGate(t, 'obeySignal', 60_000);
    const runner = runnerOf(ledger);
    process.kill(runner, 'SIGSTOP');
    await sweeper.kill();
    await letThrough();
    while (Date.now() <= limitEndsAt(path)) await sleep(20);
    const suspended = await sweep(base, { logger: null });
    assert.deepEqual([suspended.sweeping, suspended.ok], [1, 0]);
    process.kill(runner, 'SIGCONT');
    await gone;
    await sweeper.closed;
    assert.deepEqual(textsOf(ledger), ['stuck', 'obeyed']);
    assert.equal((await sweepFreed(base)).ok, 1);
  },
);

test('a runner that is stopped for ever ends by the kernel, though its sweeper is dead', {
  ...bounded,
  skip:
    process.platform === 'linux' ? false : 'NOT TESTED: the system has no timer that ends a stopped process',
}, async t => {
  const { base, ledger, sweeper, gone } = await runnerAtGate(t, 'blockAtGate', limits.killGraceMs);
  process.kill(runnerOf(ledger), 'SIGSTOP');
  await sweeper.kill();
  await gone;
  assert.equal((await sweepFreed(base)).ok, 1);
  assert.deepEqual(textsOf(ledger), ['stuck', 'behind']);
});

test('where the kernel gives no timer, no function runs, and the report says why and what to do', {
  skip: process.platform === 'linux' ? prlimitMissing : 'NOT TESTED: the system has no such timer',
}, async t => {
  const { base, ledger } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'append', text: 'late' }] });
  const line = ['--sigpending=0', process.execPath, commandLinePath, base];
  const { status, stdout } = spawnSync('prlimit', line, { encoding: 'utf8' });
  assert.equal(status, 1);
  assert.match(
    stdout,
    /: left, cannot run functions: the kernel gives no timer .*EAGAIN.*; raise .*ulimit -i/,
  );
  assert.equal((await sweep(base, { logger: null })).ok, 1);
});

/** When the time of the function in progress is over, by its start mark. */
function limitEndsAt(path: string): number {
  const [stuck] = replay(readFileSync(path)).functions.values();
  return stuck!.lastAttempt!.start!.atEpochMs + stuck!.record.timeoutMs;
}

/** A loop that begins then is in progress at the limit, and has not kept a core busy until then. */
async function untilNearLimit(path: string): Promise<void> {
  const endMs = limitEndsAt(path) - 1000;
  while (Date.now() < endMs) await sleep(20);
}

test('where a sandbox refuses runners a session of their own, a function that hangs ends its runner alone', {
  ...bounded,
  skip: straceMissing,
}, async t => {
  const { base, ledger, root } = freshPlace(t);
  const calls: Call[] = [
    { do: 'hang-idle', text: 'hangs' },
    { do: 'append', text: 'behind' },
  ];
  const options = { timeoutMs: 300 };
  await leaveOrphan(t, { base, ledger, options, calls });
  const refuses = ['-e', 'trace=setsid', '-e', 'inject=setsid:error=EPERM'];
  const report = await sweepElsewhere(
    t,
    { verb: 'sweep', base, options: { killGraceMs: 100 } },
    { under: ['strace', '-f', '-qq', '-o', join(root, 'log'), ...refuses] },
  );
  assert.deepEqual([report.ok, report.failed, report.files[0]?.error], [1, 1, undefined]);
  assert.deepEqual(read(ledger), ['hangs', 'behind']);
});
