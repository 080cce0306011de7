import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { DeferredFunctionManager, type SweepReport } from '#dist/index.js';
import { type Call, read } from '../helpers/calls.ts';
import { endGroup } from '../helpers/child.ts';
import { baseOfKilledWorker, commandLinePath, startCommandLine } from '../helpers/command-line.ts';
import { arrivalAt, makeGate, queueAt } from '../helpers/gate.ts';
import { isFull, sample } from '../helpers/size.ts';
import { tellAgainAtOnce } from '../helpers/told-signals.ts';
import { until } from '../helpers/until.ts';
import { cli, freshPlace, leaveOrphan } from '../helpers/worker.ts';

for (const signal of sample(['SIGINT', 'SIGTERM'] as const, 1)) {
  test(`at ${signal}, also told again at once, the command line lets the function in progress finish, leaves the rest registered, and reports`, async t => {
    const { base, ledger, root } = freshPlace(t);
    const fifo = makeGate(root);
    const { calls, lines } = queueAt(fifo);
    await leaveOrphan(t, { base, ledger, calls });
    const sweeper = startCommandLine(t, ['--json', base]);
    const stdout = text(sweeper.stdout!);
    const letThrough = await arrivalAt(fifo);
    const ended = once(sweeper, 'close');
    tellAgainAtOnce(sweeper.pid!, signal);
    await letThrough();
    assert.equal((await ended)[0], 1);
    const report = JSON.parse(await stdout) as SweepReport;
    assert.equal(report.isComplete, false);
    assert.ok(report.ok > 0 && report.pending > 0, `${report.ok} ok, ${report.pending} pending`);
    assert.equal(report.ok + report.pending, calls.length);
    assert.deepEqual(read(ledger), lines.slice(0, report.ok + 1));
    assert.equal((await cli(base)).status, 0);
    assert.deepEqual(read(ledger), lines);
  });
}

for (const [how, hang] of [
  ['waits for ever', 'hang-idle'],
  ['loops for ever', 'hang-busy'],
] as const) {
  test(`at SIGTERM a function that ${how} has the grace, though its owner set no limit; then the command line reports and ends`, async t => {
    const { base, ledger } = freshPlace(t);
    const calls: Call[] = [
      { do: hang, text: 'hangs' },
      { do: 'append', text: 'behind' },
    ];
    await leaveOrphan(t, { base, ledger, calls, options: { timeoutMs: 0 } });
    // As of `timeout 3 deferred-sweep BASE 2>&1 | cat`, which waits for the end of both.
    const sweeper = startCommandLine(t, ['--json', '--grace', '200ms', base]);
    const stdout = text(sweeper.stdout!);
    sweeper.stderr!.resume();
    const ended = once(sweeper, 'close');
    await until('its beginning', () => read(ledger).length > 0, 60_000);
    tellAgainAtOnce(sweeper.pid!, 'SIGTERM');
    assert.equal((await ended)[0], 1);
    const report = JSON.parse(await stdout) as SweepReport;
    assert.deepEqual([report.isComplete, report.ok, report.failed, report.pending], [false, 0, 1, 2]);
    assert.deepEqual(read(ledger), ['hangs']);
  });
}

test('at SIGTERM, told again until its end, no function begins behind one that ends at once when its signal is aborted', async t => {
  const rounds = isFull ? 8 : 2;
  const base = baseOfKilledWorker(
    t,
    `for (let n = 0; n <= ${rounds}; n++) job.defer(async function obeys(path) {
       const { appendFileSync } = await import('node:fs');
       const { currentInvocation } = await import('deferred-sweep');
       const { signal } = currentInvocation();
       const forEver = setInterval(() => {}, 1000);
       appendFileSync(path, 'began\\n');
       await new Promise(resolve => signal.addEventListener('abort', resolve));
       clearInterval(forEver);
     }, base + '/ledger');`,
  );
  const begun = () => read(join(base, 'ledger')).length;
  for (let round = 1; round <= rounds; round++) {
    const sweeper = startCommandLine(t, [base]);
    const ended = once(sweeper, 'close');
    await until('the function', () => begun() >= round);
    tellAgainAtOnce(sweeper.pid!, 'SIGTERM');
    assert.deepEqual(await ended, [1, null]);
    assert.equal(begun(), round);
  }
});

test('a process that a function left behind and that fills its output does not keep the sweep', async t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(DeferredFunction.command('/bin/sh', ['-c', 'setsid sh "$0" & sleep 0.2', base + '/fills']));`,
  );
  writeFileSync(
    join(base, 'fills'),
    'yes & yes & yes & timeout 90 yes; [ $? = 124 ] && echo > "$0.outlived"; kill 0\n',
  );
  // Its standard error takes everything: a full one would hold the copy back.
  const sweeper = spawn(process.execPath, [commandLinePath, base], { stdio: 'ignore' });
  t.after(() => sweeper.kill('SIGKILL'));
  assert.deepEqual(await once(sweeper, 'close'), [0, null]);
  assert.equal(
    existsSync(join(base, 'fills.outlived')),
    false,
    'the sweep waited for the end of the process',
  );
});

test('a command that ignores SIGTERM is ended with the grace of its function', {
  timeout: 120_000,
}, async t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(DeferredFunction.command('/bin/sh', [
       '-c', 'trap "" TERM; echo $$ >> "$0"; while :; do sleep 0.05; done', base + '/pids',
     ]));`,
  );
  const report = await DeferredFunctionManager.cleanupWorker(base, {
    logger: null,
    timeoutMs: 500,
    killGraceMs: 100,
    maxAttempts: 2,
  });
  const pids = read(join(base, 'pids')).map(Number);
  t.after(() => {
    for (const pid of pids) endGroup(pid);
  });
  assert.deepEqual([report.failed, pids.length], [1, 2]);
  // Killed, they are there until somebody has waited for them.
  for (const pid of pids) await until(`the end of group ${pid}`, () => !isThere(-pid));
});

/** @param pid - negative: of a group */
function isThere(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    assert.equal(Reflect.get(error as Error, 'code'), 'ESRCH');
    return false;
  }
}
