/** Workers in control groups: killed by the kernel for want of memory, and frozen. */
import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SweepReport, sweep } from '#dist/index.js';
import { type Call, read } from '../../helpers/calls.ts';
import { type Child, startChild } from '../../helpers/child.ts';
import { type DeferAnswer, freshPlace, startWorker } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { ControlGroup, type Version } from './cgroup.ts';
import { testHere } from './mounts.ts';

const silent = { logger: null } as const;
const calls: Call[] = [{ do: 'append', text: 'ran' }];
const VERSIONS: readonly Version[] = [1, 2];

/** Enough for Node, and not for long. */
const LIMIT_BYTES = 160 * 2 ** 20;

function limitMemory(group: ControlGroup, version: Version): void {
  group.write(version === 1 ? 'memory.limit_in_bytes' : 'memory.max', String(LIMIT_BYTES));
  // Swap has no limit of its own else. v1 has the file only where the kernel accounts for swap.
  const swap = version === 1 ? 'memory.memsw.limit_in_bytes' : 'memory.swap.max';
  if (group.has(swap)) group.write(swap, version === 1 ? String(LIMIT_BYTES) : '0');
}

function oomKills(group: ControlGroup, version: Version): number {
  const counters = group.read(version === 1 ? 'memory.oom_control' : 'memory.events');
  return Number(/^oom_kill (\d+)$/m.exec(counters)?.[1]);
}

for (const version of VERSIONS) {
  testHere(
    `what a worker left that the kernel killed for want of memory is run (cgroup v${version})`,
    async t => {
      const { base, ledger } = freshPlace(t);
      let child: Child | undefined;
      const group = ControlGroup.make(t, version, 'memory', async () => child?.end());
      limitMemory(group, version);
      child = startChild(t, 'job-greedy', { args: [base, ledger], under: group.under });
      assert.equal(await child.next(), 'registered');
      assert.equal((await sweep(base, silent)).live, 1);
      child.send('eat');
      assert.equal((await child.exited).signal, 'SIGKILL');
      assert.equal(oomKills(group, version), 1);
      assert.equal((await sweep(base, silent)).ok, 1);
      assert.deepEqual(read(ledger), ['ran']);
      addRow({ part: 'where', what: `OOM kill of a worker, cgroup v${version}`, tried: 1, found: 0 });
    },
  );

  testHere(
    `a function killed for want of memory costs its runner, not the sweep (cgroup v${version})`,
    async t => {
      const { base, ledger } = freshPlace(t);
      let child: Child | undefined;
      const group = ControlGroup.make(t, version, 'memory', async () => child?.end());
      limitMemory(group, version);
      const worker = await startWorker(t, {
        base,
        ledger,
        calls: [
          { do: 'eat-memory', text: 'greedy' },
          { do: 'append', text: 'modest' },
        ],
      });
      await worker.child.kill();
      child = startChild(t, 'job-sweeper', {
        args: [JSON.stringify({ verb: 'sweep', base })],
        under: group.under,
      });
      const { ok, files } = await child.next<SweepReport>();
      assert.equal(oomKills(group, version), 1);
      assert.equal(ok, 1);
      assert.deepEqual(
        files[0]?.functions.map(ran => ran.outcome),
        ['crashed', 'ok'],
      );
      assert.deepEqual(read(ledger), ['greedy', 'modest']);
      addRow({ part: 'where', what: `OOM kill of a runner, cgroup v${version}`, tried: 1, found: 0 });
    },
  );

  testHere(
    `a frozen worker lives: its file is left alone, and thawed it goes on (cgroup v${version})`,
    async t => {
      const { base, ledger, child, group } = await frozenWorker(t, version);
      child.send({ op: 'defer', call: { do: 'append', text: 'after' } });
      const report = await sweep(base, silent);
      assert.deepEqual([report.live, report.ok, read(ledger)], [1, 0, []]);
      thaw(group, version);
      assert.equal((await child.next<DeferAnswer>()).id, 2);
      assert.equal((await child.ask<SweepReport>({ op: 'close' })).ok, 2);
      assert.deepEqual(read(ledger), ['ran', 'after']);
      addRow({ part: 'where', what: `frozen worker, cgroup v${version}`, tried: 1, found: 0 });
    },
  );

  testHere(
    `a worker killed while frozen lives ${version === 1 ? 'until it is thawed' : 'no longer'} (cgroup v${version})`,
    async t => {
      const { base, ledger, child, group } = await frozenWorker(t, version);
      child.process.kill('SIGKILL');
      if (version === 1) {
        // The signal waits with everything else: the lock tells what is, not what was ordered.
        assert.equal((await sweep(base, silent)).live, 1);
        thaw(group, version);
      }
      await child.exited;
      assert.equal((await sweep(base, silent)).ok, 1);
      assert.deepEqual(read(ledger), ['ran']);
      addRow({ part: 'where', what: `killed while frozen, cgroup v${version}`, tried: 1, found: 0 });
    },
  );
}

/** A worker with its functions registered, frozen; thawed and ended after the test. */
async function frozenWorker(
  t: TestContext,
  version: Version,
): Promise<{ base: string; ledger: string; child: Child; group: ControlGroup }> {
  const { base, ledger } = freshPlace(t);
  let child: Child | undefined;
  const group = ControlGroup.make(t, version, 'freezer', async () => {
    thaw(group, version);
    await child?.end();
  });
  ({ child } = await startWorker(t, { base, ledger, calls }, { under: group.under }));
  await freeze(group, version);
  return { base, ledger, child, group };
}

async function freeze(group: ControlGroup, version: Version): Promise<void> {
  if (version === 1) group.write('freezer.state', 'FROZEN');
  else group.write('cgroup.freeze', '1');
  // v1 has nothing to wait for but its file.
  for (let tries = 0; tries < 6000; tries++) {
    const isFrozen =
      version === 1
        ? group.read('freezer.state').trim() === 'FROZEN'
        : /^frozen 1$/m.test(group.read('cgroup.events'));
    if (isFrozen) return;
    await sleep(10);
  }
  assert.fail('the group is not frozen after a minute');
}

function thaw(group: ControlGroup, version: Version): void {
  if (version === 1) group.write('freezer.state', 'THAWED');
  else group.write('cgroup.freeze', '0');
}
