import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { hasCode } from '#dist/errors.js';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { mainThreadOwner } from '../helpers/postgres/main-thread-owner.ts';
import { rounds, skipLong } from '../helpers/postgres/mode.ts';
import { type Owner, Pool, untilDid } from '../helpers/postgres/pool.ts';
import { TcpProxy } from '../helpers/postgres/proxy.ts';
import { PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres || skipLong };

/** A primary with the schema, and its standby. */
async function startPair(t: TestContext): Promise<{ server: PostgresServer; standby: PostgresServer }> {
  const server = await PostgresServer.start();
  t.after(() => server.end());
  await server.migrate();
  const standby = await PostgresServer.start({ standbyOf: server });
  t.after(() => standby.end());
  return { server, standby };
}

test(
  'while the synchronous standby is away, defer waits or is uncertain and never resolves, also when its wait is cancelled',
  law,
  async t => {
    const { server, standby } = await startPair(t);
    server.configure([`synchronous_standby_names = '*'`]);
    server.reload();
    await until('the synchronous standby', async () => {
      const [row] = await server.sql('SELECT sync_state FROM pg_stat_replication');
      return row?.sync_state === 'sync';
    });
    const pool = new Pool(t, server);
    const job = await pool.manager({ callTimeoutMs: 10_000 }).open();
    await job.defer('note', pool.ledger.path, 'a');
    await standby.stop('SIGINT');

    const waiting = job.defer('note', pool.ledger.path, 'b');
    const uncertain = assert.rejects(waiting, error => hasCode(error, 'DEFERRED_UNCERTAIN'));
    for (let round = 0; round < 3; round++) {
      await until('a wait for the standby', async () => {
        const rows = await server.sql(
          `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND usename = 'worker'`,
        );
        return rows.length > 0;
      });
    }
    await uncertain;

    const late = job.defer('note', pool.ledger.path, 'c');
    await standby.boot();
    assert.equal((await late).id, 3);
    const there = await standby.sql('SELECT id FROM deferred_sweep.functions ORDER BY id');
    assert.deepEqual(
      there.map(row => row.id),
      ['1', '2', '3'],
      'what was resolved is on the standby',
    );
  },
);

test(
  'after a promotion blocked owners attach to the new primary within the restart grace, but not those with a session on the main thread',
  law,
  async t => {
    const { server, standby } = await startPair(t);
    const [pool, control] = [new Pool(t, standby), new Pool(t, standby)];
    const proxy = await TcpProxy.start(t, server);
    const graces = { graceMs: 300, restartGraceMs: 10_000 };
    const options = { connection: proxy.url(), ...graces };
    const owners: Owner[] = [];
    for (let count = 0; count < rounds(1, 3, 10); count++) owners.push(await pool.owner(options));
    await Promise.all(owners.map((owner, index) => owner.defer('note', `f${index}`)));
    const falsely = await mainThreadOwner(t, control, 'x', options);
    await until('the standby has all', async () => {
      const rows = await standby.sql('SELECT 1 FROM deferred_sweep.functions');
      return rows.length === owners.length + 1;
    });
    const managers = [pool, control].map(watched => watched.manager(options));
    await Promise.all(managers.map(manager => manager.sweep()));
    const path = join(freshDirectory(t), 'go-on');
    const blocked = [...owners.map(({ child }) => child), falsely];
    for (const child of blocked) child.send({ do: 'block', path });
    for (const child of blocked) await untilDid(child, 'blocking');
    const epochs = async () => (await pool.owners()).map(row => `${row.id} ${row.epoch}`).sort();
    const before = await epochs();

    // First only the address moves: the standby is refused until it is the primary.
    proxy.target = standby;
    await server.stop('SIGQUIT');
    const abort = new AbortController();
    t.after(() => abort.abort());
    const watches = managers.map(manager => manager.watch({ intervalMs: 100, signal: abort.signal }));
    await standby.sql('SELECT pg_promote(true)');
    await until('the false take-over', () => control.ledger.names('end').length === 1, 60_000);
    assert.deepEqual(await epochs(), before);
    assert.deepEqual(pool.ledger.entries(), []);
    assert.ok((await pool.owners()).every(row => Number(row.attachment) > 1));
    writeFileSync(path, '');
    for (const { child } of owners) {
      // A promotion takes longer than half a grace: the signal has warned.
      await untilDid(child, 'blocked');
      child.send({ do: 'defer', call: ['note', pool.ledger.path, 'late'] });
      assert.equal((await untilDid<{ did: string; id?: number }>(child, 'deferred')).id, 2);
    }
    abort.abort();
    await Promise.all(watches);
  },
);
