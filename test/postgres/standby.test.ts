import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#dist/errors.js';
import { skipLong } from '../helpers/postgres/mode.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { TcpProxy } from '../helpers/postgres/proxy.ts';
import { PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { until } from '../helpers/postgres/until.ts';

const law = { skip: skipPostgres || skipLong };

test(
  'while the synchronous standby is away, defer waits or is uncertain and never resolves, also when its wait is cancelled',
  law,
  async t => {
    const server = await PostgresServer.start();
    t.after(() => server.end());
    await server.migrate();
    const standby = await PostgresServer.start({ standbyOf: server });
    t.after(() => standby.end());
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

test('after a promotion the owners attach to the new primary within the restart grace', law, async t => {
  const server = await PostgresServer.start();
  t.after(() => server.end());
  await server.migrate();
  const standby = await PostgresServer.start({ standbyOf: server });
  t.after(() => standby.end());
  const pool = new Pool(t, standby);
  const proxy = await TcpProxy.start(t, server);
  const options = { connection: proxy.url(), graceMs: 300, restartGraceMs: 10_000 };
  const owner = await pool.owner(options);
  await owner.defer('note', 'a');
  await until('the standby has it', async () => {
    const rows = await standby.sql('SELECT 1 FROM deferred_sweep.functions');
    return rows.length === 1;
  });
  const manager = pool.manager(options);
  await manager.sweep();
  owner.child.send({ do: 'block', ms: 6000 });
  // First only the address moves: the standby is refused until it is the primary.
  proxy.target = standby;
  await server.stop('SIGQUIT');
  const abort = new AbortController();
  const watching = manager.watch({ intervalMs: 100, signal: abort.signal });
  await standby.sql('SELECT pg_promote(true)');
  const [before] = await pool.owners();
  let message = await owner.child.next<{ did: string }>();
  while (message.did !== 'blocked') message = await owner.child.next();
  const [now] = await pool.owners();
  assert.equal(now?.epoch, before?.epoch);
  assert.deepEqual(pool.ledger.entries(), []);
  assert.ok(Number(now?.attachment) > Number(before?.attachment) || now?.attached_on !== null);
  owner.child.send({ do: 'defer', call: ['note', pool.ledger.path, 'b'] });
  // A promotion takes longer than half a grace: the signal has warned.
  while (message.did !== 'deferred') message = await owner.child.next();
  assert.equal((message as { id?: number }).id, 2);
  abort.abort();
  await watching;
});
