import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import type { ClusterReport } from '#dist/postgres/index.js';
import { Pool, untilDid } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

/** Ends the session that holds the owner's lock. */
async function terminateHolder(id: string): Promise<void> {
  await server.sql(
    `SELECT pg_terminate_backend(h.pid) FROM deferred_sweep.held_keys() h WHERE deferred_sweep.hex_key(h.held) = $1`,
    [id],
  );
}

test(
  'a suspended owner that was taken over can neither register nor cancel nor start, and its signal aborts',
  law,
  async t => {
    const pool = new Pool(t, server);
    const owner = await pool.owner({ graceMs: 100 });
    await owner.defer('note', 'a');
    await owner.defer('note', 'b');
    owner.child.process.kill('SIGSTOP');
    await terminateHolder(owner.id);
    const manager = pool.manager({ graceMs: 100 });
    await until('the take-over', async () => (await manager.sweep()).owners.length > 0);
    assert.deepEqual(pool.ledger.names('end'), ['a', 'b']);
    owner.child.process.kill('SIGCONT');
    assert.equal((await owner.child.next<{ did: string }>()).did, 'aborted');
    assert.deepEqual(await owner.defer('note', 'c'), { did: 'deferred', error: 'DEFERRED_OWNERSHIP_LOST' });
    assert.deepEqual(await owner.cancel(1), { did: 'cancelled', error: 'DEFERRED_OWNERSHIP_LOST' });
    const { result } = await owner.child.ask<{
      result: { owners: { outcome: string; functions: unknown[] }[] };
    }>({
      do: 'close',
    });
    assert.deepEqual([result.owners[0]?.outcome, result.owners[0]?.functions], ['lost', []]);
    assert.deepEqual(pool.ledger.names('start'), ['a', 'b']);
  },
);

test(
  'a runner that was declared dead may still say that it is done, and the function is not repeated',
  law,
  async t => {
    const pool = new Pool(t, server);
    const job = await pool.manager({ graceMs: 0 }).open();
    await job.defer('slow', pool.ledger.path, 'a', 1500);
    const closed = job.close();
    await until('the start', () => pool.ledger.names('start').length === 1);
    // Declared dead by hand: its lock and its row now are another's.
    await server.sql(
      `UPDATE deferred_sweep.owners SET epoch = nextval('deferred_sweep.epochs') WHERE pool = $1`,
      [pool.name],
    );
    const report = await closed;
    assert.equal(report.owners[0]?.functions[0]?.outcome, 'ok');
    assert.equal(report.owners[0]?.outcome, 'lost');
    const left = await server.sql(
      'SELECT 1 FROM deferred_sweep.functions JOIN deferred_sweep.owners USING (lock_key) WHERE pool = $1',
      [pool.name],
    );
    assert.deepEqual(left, []);
  },
);

test(
  'a suspended runner that was taken over may say late that it is done, and the function is not tried again',
  law,
  async t => {
    const pool = new Pool(t, server);
    const graces = { graceMs: 100, retryDelayMs: 0, maxAttempts: 5 };
    const owner = await pool.owner(graces);
    await owner.defer('slow', 'a', 500);
    owner.child.send({ do: 'close' });
    await until('the start', () => pool.ledger.names('start').length === 1);
    owner.child.process.kill('SIGSTOP');
    await terminateHolder(owner.id);
    const failNow = new AbortController();
    const slow = async (): Promise<void> => {
      pool.ledger.note('start', 'again');
      await once(failNow.signal, 'abort');
      throw new Error('the second attempt fails');
    };
    const manager = pool.manager({ ...graces, handlers: { slow } as never });
    const abort = new AbortController();
    const reports: ClusterReport[] = [];
    const watching = manager.watch({
      intervalMs: 50,
      signal: abort.signal,
      onReport: report => void reports.push(report),
    });
    await until('the second attempt', () => pool.ledger.names('start').length === 2);
    owner.child.process.kill('SIGCONT');
    type Closed = { did: string; result: ClusterReport };
    const { result } = await untilDid<Closed>(owner.child, 'closed');
    const [own] = result.owners;
    assert.deepEqual([own?.outcome, own?.functions[0]?.attempt, own?.functions.length], ['lost', 1, 1]);
    assert.deepEqual(await server.sql('SELECT 1 FROM deferred_sweep.functions'), [], 'done is accepted');
    failNow.abort();
    await until('the report', () => reports.length > 0);
    await until('the end', async () => (await pool.owners()).length === 0);
    abort.abort();
    await watching;
    assert.deepEqual(pool.ledger.names('start'), ['a', 'again']);
    assert.deepEqual(await server.sql('SELECT 1 FROM deferred_sweep.dead_letters'), []);
  },
);

test('an owner whose session ends and comes back within the grace keeps its functions', law, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager({ graceMs: 20_000 }).open();
  const sweeper = pool.manager();
  for (let round = 0; round < 5; round++) {
    await job.defer('note', pool.ledger.path, `f${round}`);
    await terminateHolder(job.id);
    await sweeper.sweep();
  }
  assert.equal(job.signal.aborted, false);
  assert.equal((await job.close()).ok, 5);
});

test('each take-over has a higher fence', law, async t => {
  const pool = new Pool(t, server);
  const first = await pool.owner({ graceMs: 0 });
  await first.defer('note', 'a');
  const second = await pool.owner({ graceMs: 0 });
  await second.defer('note', 'b');
  await Promise.all([first.child.kill(), second.child.kill()]);
  const epochs = (await pool.owners()).map(row => Number(row.epoch));
  const manager = pool.manager({ graceMs: 0 });
  await until('both', async () => {
    await manager.sweep();
    return pool.ledger.names('end').length === 2;
  });
  for (const entry of pool.ledger.entries().filter(({ what }) => what === 'start')) {
    assert.ok(entry.fence! > Math.max(...epochs), `${entry.fence} after ${epochs}`);
  }
});

test('a function longer than the grace is not begun by another while its runner lives', law, async t => {
  const pool = new Pool(t, server);
  const owner = await pool.owner({ graceMs: 0 });
  await owner.defer('slow', 'a', 1500);
  await owner.child.kill();
  const managers = [1, 2, 3].map(() => pool.manager({ graceMs: 0 }));
  const abort = new AbortController();
  const watches = managers.map(manager => manager.watch({ intervalMs: 20, signal: abort.signal }));
  await until('the end', () => pool.ledger.names('end').length === 1);
  abort.abort();
  await Promise.all(watches);
  assert.deepEqual(
    pool.ledger.entries().map(({ what }) => what),
    ['start', 'end'],
  );
});

test('the server itself refuses what an older epoch or session sends late', law, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager().open();
  const [row] = await pool.owners();
  const worker = await server.connect('worker');
  t.after(() => worker.end());
  const send = async (epoch: number, attachment: number): Promise<unknown[]> => {
    const values = [row!.lock_key, epoch, attachment];
    const text = `SELECT deferred_sweep.register($1, $2, $3, '{9}', '{note}', '{\\x80}', 'at-least-once', 0, 1) AS answer
      UNION ALL SELECT deferred_sweep.cancel($1, $2, $3, 1)
      UNION ALL SELECT status FROM deferred_sweep.start_attempt($1, $2, $3, gen_random_uuid(), 'r', '{note}', NULL)`;
    const { rows } = await worker.query(text, values);
    return rows.map(({ answer }) => answer);
  };
  await job.defer('note', pool.ledger.path, 'a');
  const [epoch, attachment] = [Number(row!.epoch), Number(row!.attachment)];
  assert.deepEqual(await send(epoch - 1, attachment), ['fenced', 'fenced', 'fenced']);
  assert.deepEqual(await send(epoch, attachment - 1), ['stale', 'stale', 'stale']);
  const { rows } = await worker.query('SELECT status FROM deferred_sweep.reattach($1, $2)', [
    row!.lock_key,
    epoch - 1,
  ]);
  assert.deepEqual(rows, [{ status: 'fenced' }]);
  const report = await job.close();
  assert.deepEqual([report.ok, report.failed], [1, 0]);
});
