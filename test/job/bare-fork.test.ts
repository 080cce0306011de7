/**
 * What native code forks without exec has the lock of every state file its process had open, close-on-exec or not, and
 * keeps it as long as it lives.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { type TestContext, test } from 'node:test';
import { DeferredFunctionManager, type SweepReport, sweep } from '#dist/index.js';
import { bareForkMissing, compileBareFork, untilUnlocked } from '../helpers/bare-fork.ts';
import { type Call, read } from '../helpers/calls.ts';
import { type Child, startChild } from '../helpers/child.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { isAlive, nameProcess } from '../helpers/process-life.ts';
import { freshPlace, leaveOrphan, type Place, startWorker } from '../helpers/worker.ts';

type ForkingFunctions = typeof import('../fixtures/forking-functions.ts');

/** What must never end would: a failure then, not a hang. */
const bounded = { timeout: 120_000, skip: bareForkMissing };
/** Longer than any test: the child lives until it is ended. */
const limitMs = 120_000;
const quiet = { logger: null };

const twoCalls: Call[] = [
  { do: 'append', text: 'first' },
  { do: 'append', text: 'second' },
];

function placeWithAddon(t: TestContext): Place & { addon: string } {
  const place = freshPlace(t);
  return { ...place, addon: compileBareFork(place.root) };
}

/** A worker with these calls registered, and a child it forked. */
async function startForkedWorker(
  t: TestContext,
  calls: readonly Call[],
): Promise<Place & { child: Child; path: string; forked: number }> {
  const place = placeWithAddon(t);
  const { child, path } = await startWorker(t, { base: place.base, ledger: place.ledger, calls });
  const forked = await child.ask<number>({ op: 'fork', addon: place.addon, limitMs });
  return { ...place, child, path, forked };
}

function callOf(name: keyof ForkingFunctions): Call {
  const module = import.meta.resolve('../fixtures/forking-functions.js');
  return { do: 'module', module, export: name, text: 'forked' };
}

/** The child of a function's. Its group is not its sweeper's: nobody else ends it. */
function forkedBy(t: TestContext, ledger: string): number {
  const pid = Number(
    read(ledger)
      .find(line => line.startsWith('forked'))
      ?.split(' ')[1],
  );
  t.after(() => isAlive(nameProcess(pid)) && process.kill(pid, 'SIGKILL'));
  return pid;
}

/** What was run, without the pids. */
function textsOf(ledger: string): (string | undefined)[] {
  return read(ledger).map(line => line.split(' ')[0]);
}

/** A sweep that finds one file, locked, and leaves it alone. */
async function assertLocked(base: string, by: 'live' | 'held' | 'sweeping'): Promise<void> {
  const { ok, failed, files } = await sweep(base, quiet);
  assert.deepEqual([ok, failed, files.map(({ outcome }) => outcome)], [0, 0, [by]]);
}

test(
  "a killed worker's file is held while a child that it forked without exec lives, and an orphan's after that",
  bounded,
  async t => {
    const { base, ledger, child, path, forked } = await startForkedWorker(t, twoCalls);
    await assertLocked(base, 'live');
    await child.kill();
    await assertLocked(base, 'held');
    assert.equal((await DeferredFunctionManager.cleanupWorker(base, quiet)).held, 1);
    assert.deepEqual(read(ledger), []);
    process.kill(forked);
    await untilUnlocked(path);
    const report = await sweep(base, quiet);
    assert.deepEqual([report.live, report.ok, report.pending], [0, 2, 0]);
    assert.deepEqual((await sweep(base, quiet)).files, []);
    assert.deepEqual(read(ledger), ['first', 'second']);
  },
);

test(
  'fdinfo of a child that a killed worker forked without exec shows the lock; the lock table does not name the child',
  bounded,
  async t => {
    const { child, path, forked } = await startForkedWorker(t, twoCalls);
    await child.kill();
    const { ino } = statSync(path);
    const lock = new RegExp(`^lock:.* FLOCK +ADVISORY +WRITE .*:${ino} 0 EOF$`, 'm');
    const descriptors = `/proc/${forked}/fdinfo`;
    const shown = readdirSync(descriptors).map(fd => readFileSync(`${descriptors}/${fd}`, 'utf8'));
    assert.equal(shown.filter(text => lock.test(text)).length, 1);
    assert.doesNotMatch(readFileSync('/proc/locks', 'utf8'), new RegExp(` ${forked} \\S*:${ino} `));
  },
);

test('the end of a child that a worker forked without exec leaves the worker its lock', bounded, async t => {
  const { base, ledger, addon } = placeWithAddon(t);
  const { child } = await startWorker(t, { base, ledger, calls: twoCalls });
  const pid = await child.ask<number>({ op: 'fork', addon, limitMs: 0 });
  await child.ask({ op: 'reap', addon, pid });
  await assertLocked(base, 'live');
  assert.deepEqual(read(ledger), []);
  assert.equal((await child.ask<SweepReport>({ op: 'close' })).ok, 2);
  await child.ask({ op: 'manager.close' });
  assert.deepEqual((await sweep(base, quiet)).files, []);
  assert.deepEqual(read(ledger), ['first', 'second']);
});

test(
  'a worker that ends well leaves nothing, though a child that it forked without exec lives',
  bounded,
  async t => {
    const { base, ledger, child, path, forked } = await startForkedWorker(t, twoCalls);
    const life = nameProcess(forked);
    assert.equal((await child.ask<SweepReport>({ op: 'manager.close' })).ok, 2);
    assert.deepEqual(read(ledger), ['first', 'second']);
    assert.equal(existsSync(path), false);
    assert.deepEqual((await DeferredFunctionManager.cleanupWorker(base, quiet)).files, []);
    assert.ok(isAlive(life));
  },
);

test(
  'what failed at the end of a job is tried again by the next sweep, though a child that its worker forked without exec lives',
  bounded,
  async t => {
    const failing: Call = { do: 'throw', text: 'failed', message: 'as planned' };
    const { base, ledger, child, forked } = await startForkedWorker(t, [failing, ...twoCalls]);
    const life = nameProcess(forked);
    const own = await child.ask<SweepReport>({ op: 'close' });
    assert.deepEqual([own.ok, own.failed, own.pending], [2, 1, 1]);
    for (const _attempt of [2, 3]) {
      const { failed, live } = await sweep(base, quiet);
      assert.deepEqual([failed, live], [1, 0]);
    }
    assert.deepEqual(read(ledger), ['failed', 'first', 'second', 'failed', 'failed']);
    assert.ok(isAlive(life));
  },
);

test(
  'the runner of a killed sweeper gives up the lock when it has finished its function, though a child lives that the function forked without exec',
  bounded,
  async t => {
    const { base, ledger, root } = placeWithAddon(t);
    const fifo = makeGate(root);
    const gate: Call = { do: 'wait-for-fifo', text: 'gate', fifo };
    const path = await leaveOrphan(t, { base, ledger, calls: [callOf('forkAway'), gate, ...twoCalls] });
    const sweeper = startChild(t, 'job-sweeper', { args: [JSON.stringify({ verb: 'sweep', base })] });
    const letThrough = await arrivalAt(fifo);
    const forked = forkedBy(t, ledger);
    await sweeper.kill();
    await letThrough();
    await untilUnlocked(path);
    assert.ok(isAlive(nameProcess(forked)), 'the child has ended before the runner');
    assert.deepEqual(textsOf(ledger), ['forked', 'gate', 'gate-end']);
    assert.equal((await sweep(base, quiet)).ok, 2);
    assert.deepEqual(textsOf(ledger), ['forked', 'gate', 'gate-end', 'first', 'second']);
  },
);

test(
  'a child forked without exec by a function that hangs is killed with the group of its runner',
  bounded,
  async t => {
    const { base, ledger } = placeWithAddon(t);
    const calls = [callOf('forkInGroupAndHang'), ...twoCalls];
    const path = await leaveOrphan(t, { base, ledger, calls, options: { timeoutMs: 1000, maxAttempts: 1 } });
    const report = await sweep(base, { ...quiet, killGraceMs: 100 });
    const forked = nameProcess(forkedBy(t, ledger));
    assert.deepEqual([report.ok, report.failed, report.pending], [2, 1, 0]);
    assert.deepEqual(textsOf(ledger), ['forked', 'first', 'second']);
    assert.equal(existsSync(path), false);
    assert.equal(isAlive(forked), false);
  },
);

test(
  'a sweep does not wait for a child that a function forked without exec in its runner, and unlinks the file that the child keeps locked',
  bounded,
  async t => {
    const { base, ledger } = placeWithAddon(t);
    const path = await leaveOrphan(t, { base, ledger, calls: [callOf('forkAway'), ...twoCalls] });
    const report = await sweep(base, quiet);
    const forked = nameProcess(forkedBy(t, ledger));
    assert.deepEqual([report.ok, report.pending], [3, 0]);
    assert.deepEqual(textsOf(ledger), ['forked', 'first', 'second']);
    assert.equal(existsSync(path), false);
    assert.ok(isAlive(forked), 'the child has ended before the sweep');
  },
);
