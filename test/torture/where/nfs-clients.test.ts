/** Two clients of one NFS server, of different hostnames: the live are left alone, the dead cleaned up after, by either. */
import assert from 'node:assert/strict';
import { DeferredFunctionManager, type SweepReport, sweep } from '#dist/index.js';
import { type Call, read } from '../../helpers/calls.ts';
import { startChild } from '../../helpers/child.ts';
import { leaveOrphan, startWorker } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { testHere } from './mounts.ts';
import { NFS_VERSIONS, runningOn, SharedPlace } from './nfs.ts';

const calls: Call[] = [
  { do: 'append', text: 'first' },
  { do: 'append', text: 'second' },
];
const silent = { logger: null } as const;
/** Enough that no sweeper can have them all before another begins. */
const FUNCTIONS = 32;
const onOne = { under: runningOn('one') };

for (const version of NFS_VERSIONS) {
  for (const lock of ['flock', 'ofd'] as const) {
    testHere(
      `a live worker of one client is left alone by both, and cleaned up after by the other, once (NFS ${version}, ${lock})`,
      async (t, mounts) => {
        const place = new SharedPlace(t, mounts, version);
        const [base, otherBase] = [place.as('one'), place.as('two')];
        const { ledger } = place;
        const { child } = await startWorker(t, { base, ledger, calls, options: { lock } }, onOne);
        const other = lock === 'flock' ? ('ofd' as const) : ('flock' as const);
        for (const here of [base, otherBase]) {
          for (const scheme of [lock, other]) {
            const report = await sweep(here, { ...silent, lock: scheme });
            assert.deepEqual([report.live, report.ok, read(ledger)], [1, 0, []], `${here} ${scheme}`);
          }
        }
        await child.kill();
        const report = await sweep(otherBase, { ...silent, lock });
        assert.deepEqual([report.live, report.ok], [0, 2]);
        assert.equal(report.files[0]?.owner?.host, 'one');
        assert.deepEqual(place.onServer(), ['deferred']);
        assert.equal((await sweep(base, { ...silent, lock })).ok, 0);
        assert.deepEqual(read(ledger), ['first', 'second']);
        addRow({ part: 'where', what: `NFS ${version}, two clients, ${lock}`, tried: 6, found: 0 });
      },
    );
  }

  testHere(
    `of four sweepers on two clients, each function is run by one (NFS ${version})`,
    async (t, mounts) => {
      const place = new SharedPlace(t, mounts, version);
      const bases = [place.as('one'), place.as('two')];
      const many = startChild(t, 'job-many', {
        args: [bases[0]!, place.ledger, String(FUNCTIONS)],
        ...onOne,
      });
      await many.next();
      await many.kill();
      const sweepers = [...bases, ...bases].map(base => {
        const plan = { verb: 'sweep', base, waits: true };
        return startChild(t, 'job-sweeper', { args: [JSON.stringify(plan)] });
      });
      for (const sweeper of sweepers) assert.equal(await sweeper.next(), 'ready');
      const reports = await Promise.all(sweepers.map(sweeper => sweeper.ask<SweepReport>('go')));
      await Promise.all(sweepers.map(sweeper => sweeper.closed));
      assert.deepEqual(
        read(place.ledger)
          .map(Number)
          .sort((a, b) => a - b),
        Array.from({ length: FUNCTIONS }, (_, number) => number),
      );
      assert.ok(reports.filter(report => report.ok > 0).length > 1, 'only one of them had anything to do');
      assert.deepEqual(place.onServer(), ['deferred']);
      addRow({ part: 'where', what: `NFS ${version}, sweepers on two clients`, tried: FUNCTIONS, found: 0 });
    },
  );

  // NFS keeps a file that is removed while it is open, under a name of `.nfs`, until it is closed.
  testHere(`a cleanup leaves nothing on the server (NFS ${version})`, async (t, mounts) => {
    const place = new SharedPlace(t, mounts, version);
    const base = place.as('one');
    for (const here of [base, place.as('two')]) {
      await leaveOrphan(t, { base, ledger: place.ledger, calls }, onOne);
      const report = await DeferredFunctionManager.cleanupWorker(here, { logger: null });
      assert.equal(report.ok, 2);
      assert.deepEqual(place.onServer(), [], here);
    }
    addRow({ part: 'where', what: `NFS ${version}, what a cleanup leaves`, tried: 2, found: 0 });
  });

  testHere(
    `a manager warns of the network, and leaves no file when it is closed (NFS ${version})`,
    async (t, mounts) => {
      const place = new SharedPlace(t, mounts, version);
      const warnings: string[] = [];
      const logger = { info() {}, warn: (text: string) => void warnings.push(text) };
      const manager = new DeferredFunctionManager(place.as('one'), { logger });
      const job = await manager.open();
      job.defer(Math.max, 1);
      await manager.close();
      assert.match(warnings.join('\n'), /network or FUSE file system/);
      assert.deepEqual(place.onServer(), ['deferred']);
    },
  );
}
