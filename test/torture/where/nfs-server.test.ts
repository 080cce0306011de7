/** An NFS server that does not answer, or was restarted: what is said, how long it takes, and who lives afterwards. */
import assert from 'node:assert/strict';
import { closeSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { sweep } from '#dist/index.js';
import { LockPatience } from '#dist/lock/patience.js';
import { type Call, read } from '../../helpers/calls.ts';
import { startWorker } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { testHere } from './mounts.ts';
import { connect, NFS_VERSIONS, restartServer, runningOn, SharedPlace } from './nfs.ts';

const calls: Call[] = [{ do: 'append', text: 'ran' }];
const silent = { logger: null } as const;
const onOne = { under: runningOn('one') };

/**
 * The mount's own limit: a second for each of two tries. A call still takes several seconds, since the client makes more
 * of it than one message; on a busy machine that emulates, up to 15. A hang would be for ever.
 */
const SOFT = ['soft', 'timeo=10', 'retrans=1'] as const;
const ENDS_WITHIN_MS = 120_000;

async function timed(act: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await act();
  return performance.now() - startMs;
}

for (const version of NFS_VERSIONS) {
  testHere(
    `a server that does not answer (soft mount) is an error of the lock and of the sweep, and no hang (NFS ${version})`,
    async (t, mounts) => {
      const place = new SharedPlace(t, mounts, version);
      await startWorker(t, { base: place.as('one'), ledger: place.ledger, calls }, onOne);
      const base = place.as('two', ...SOFT);
      assert.equal((await sweep(base, silent)).live, 1);
      const directory = join(base, 'deferred');
      const path = join(directory, readdirSync(directory)[0]!);
      const fd = openSync(path, 'r+');
      t.after(() => connect('two', true));
      connect('two', false);
      const lockMs = await timed(() =>
        assert.rejects(new LockPatience(1000).tryLock(fd, { path }), error => {
          const { code, cause } = error as { code?: string; cause?: { code?: string } };
          assert.deepEqual([code, cause?.code], ['DEFERRED_LOCK_FAILED', 'EIO']);
          return true;
        }),
      );
      const sweepMs = await timed(() => assert.rejects(sweep(base, silent), { code: 'DEFERRED_STATE_IO' }));
      t.diagnostic(`lock ${Math.round(lockMs)} ms, sweep ${Math.round(sweepMs)} ms`);
      assert.ok(Math.max(lockMs, sweepMs) < ENDS_WITHIN_MS);
      connect('two', true);
      closeSync(fd);
      assert.deepEqual([(await sweep(base, silent)).live, read(place.ledger)], [1, []]);
      addRow({ part: 'where', what: `NFS ${version}, no answer`, tried: 2, found: 0 });
    },
  );

  testHere(
    `a restarted server gives its clients their locks back, and lets others wait for that in one call (NFS ${version})`,
    async (t, mounts) => {
      const place = new SharedPlace(t, mounts, version);
      const [base, other] = [place.as('one'), place.as('two')];
      const { child } = await startWorker(t, { base, ledger: place.ledger, calls }, onOne);
      assert.equal((await sweep(other, silent)).live, 1);
      restartServer();
      const ms = await timed(async () => {
        const report = await sweep(other, silent);
        assert.deepEqual([report.live, report.ok], [1, 0]);
      });
      t.diagnostic(`the sweep took ${Math.round(ms)} ms`);
      assert.deepEqual(read(place.ledger), []);
      await child.kill();
      assert.equal((await sweep(other, silent)).ok, 1);
      addRow({ part: 'where', what: `NFS ${version}, restarted server`, tried: 1, found: 0 });
    },
  );
}
