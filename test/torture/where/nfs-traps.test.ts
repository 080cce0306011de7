/** Where a lock on NFS is worth nothing, and a live worker's functions are run or lost: what `docs/locking.md` warns of. */
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type SweepReport, sweep } from '#dist/index.js';
import { fileSystemVerdict } from '#dist/lock/file-system.js';
import { type Call, read } from '../../helpers/calls.ts';
import { startWorker } from '../../helpers/worker.ts';
import { addRow } from '../table.ts';
import { testHere } from './mounts.ts';
import { connect, NFS_VERSIONS, runningOn, SharedPlace } from './nfs.ts';

const calls: Call[] = [{ do: 'append', text: 'ran' }];
const silent = { logger: null } as const;
const onOne = { under: runningOn('one') };
/** That the server has what is registered. */
const durability = 'disk';
/** The lease of `vm/parts/nfs.sh` is 10 s, but the machine is slow. */
const LEASE_ENDS_WITHIN_MS = 60_000;

for (const lock of ['flock', 'ofd'] as const) {
  testHere(
    `TRAP: of two clients with one hostname the second takes the first one's locks (NFS 4.2, ${lock})`,
    async (t, mounts) => {
      const place = new SharedPlace(t, mounts, '4.2');
      const base = place.as('twin-a');
      const plan = { base, ledger: place.ledger, calls, options: { lock, durability } } as const;
      const { child } = await startWorker(t, plan, { under: runningOn('twin-a') });
      assert.equal((await sweep(base, { ...silent, lock })).live, 1);
      const report = await sweep(place.as('twin-b'), { ...silent, lock });
      assert.deepEqual([report.live, report.ok, read(place.ledger)], [0, 1, ['ran']]);
      // The worker learns of it when it next asks the server.
      const { files } = await child.ask<SweepReport>({ op: 'manager.close' });
      assert.equal(files[0]?.error?.code, 'DEFERRED_STATE_IO');
      addRow({ part: 'where', what: `NFS 4.2, clients of one hostname, ${lock}`, tried: 1, found: 0 });
    },
  );
}

testHere(
  'clients of one hostname are two, where the address is a part of the name (NFS 4.0)',
  async (t, mounts) => {
    const place = new SharedPlace(t, mounts, '4.0');
    const plan = { base: place.as('twin-a'), ledger: place.ledger, calls };
    await startWorker(t, plan, { under: runningOn('twin-a') });
    assert.equal((await sweep(place.as('twin-b'), silent)).live, 1);
  },
);

for (const version of NFS_VERSIONS) {
  testHere(
    `TRAP: the server's own programs see the clients' OFD locks, not their flock locks, without a warning (NFS ${version})`,
    async (t, mounts) => {
      for (const lock of ['ofd', 'flock'] as const) {
        const place = new SharedPlace(t, mounts, version);
        const plan = {
          base: place.as('one'),
          ledger: place.ledger,
          calls,
          options: { lock, durability },
        } as const;
        await startWorker(t, plan, onOne);
        const report = await sweep(place.server, { ...silent, lock });
        assert.deepEqual([report.live, report.ok], lock === 'ofd' ? [1, 0] : [0, 1]);
        assert.equal(fileSystemVerdict(place.server), 'local');
      }
      addRow({ part: 'where', what: `NFS ${version}, on the server itself`, tried: 2, found: 0 });
    },
  );

  testHere(
    `TRAP: a client that is cut off for longer than its lease loses its locks (NFS ${version})`,
    async (t, mounts) => {
      const place = new SharedPlace(t, mounts, version);
      // Before the worker's own end, who cannot even be killed while the server does not answer.
      t.after(() => connect('one', true));
      const plan = { base: place.as('one'), ledger: place.ledger, calls, options: { durability } } as const;
      const { child } = await startWorker(t, plan, onOne);
      const other = place.as('two');
      assert.equal((await sweep(other, silent)).live, 1);
      connect('one', false);
      const startMs = performance.now();
      let report = await sweep(other, silent);
      assert.equal(report.live, 1);
      while (report.live === 1 && performance.now() - startMs < LEASE_ENDS_WITHIN_MS) {
        await sleep(1000);
        report = await sweep(other, silent);
      }
      t.diagnostic(`after ${Math.round(performance.now() - startMs)} ms`);
      assert.deepEqual([report.live, report.ok, read(place.ledger)], [0, 1, ['ran']]);
      assert.equal(child.process.exitCode ?? child.process.signalCode, null);
      addRow({ part: 'where', what: `NFS ${version}, a lease that ran out`, tried: 1, found: 0 });
    },
  );

  testHere(
    `TRAP: the server has what was registered with durability 'disk', but with 'process' only when the worker has died (NFS ${version})`,
    async (t, mounts) => {
      for (const durability of ['disk', 'process'] as const) {
        const place = new SharedPlace(t, mounts, version);
        const plan = { base: place.as('one'), ledger: place.ledger, calls, options: { durability } };
        const { child } = await startWorker(t, plan, onOne);
        const directory = join(place.server, 'deferred');
        const isThere = (): boolean =>
          readFileSync(join(directory, readdirSync(directory)[0]!)).includes('appendFileSync');
        assert.equal(isThere(), durability === 'disk');
        await child.kill();
        assert.equal(isThere(), true);
      }
      addRow({ part: 'where', what: `NFS ${version}, what the server has`, tried: 2, found: 0 });
    },
  );
}
