import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { PgClient } from '#dist/postgres/session/driver.js';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';

const law = { skip: skipPostgres, timeout: 120_000 };
let server: PostgresServer;

// The planner knows what the tests tell it, and nothing newer.
sharedServer(
  started => {
    server = started;
  },
  { settings: ['autovacuum = off', 'max_locks_per_transaction = 128'] },
);

async function connected(t: TestContext): Promise<PgClient> {
  const client = await server.connect();
  t.after(() => client.end());
  return client;
}

/** Owners that this session holds, each with some functions. */
async function openMany(client: PgClient, pool: string, owners: number, functions: number): Promise<void> {
  await client.query(
    `SELECT FROM generate_series(1, $2::integer) n,
       LATERAL deferred_sweep.open_owner(CASE WHEN n > 0 THEN $1 END, NULL, 'here', 1, NULL, 'fifo', 3000, 15000)`,
    [pool, owners],
  );
  await client.query(
    `INSERT INTO deferred_sweep.functions (lock_key, id, handler, arguments, delivery, timeout_ms, max_attempts)
     SELECT o.lock_key, n, 'note', '', 'at-least-once', 60000, 6
     FROM deferred_sweep.owners o, generate_series(1, $2::integer) n WHERE o.pool = $1`,
    [pool, functions],
  );
}

/** How many rows of the functions are read by a statement. */
async function rowsRead(client: PgClient, text: string, values: readonly unknown[]): Promise<number> {
  const read = `SELECT seq_tup_read + idx_tup_fetch AS rows FROM pg_stat_xact_user_tables
    WHERE relid = 'deferred_sweep.functions'::regclass`;
  await client.query('BEGIN');
  const before = (await client.query(read)).rows[0]!.rows;
  await client.query(text, values);
  const after = (await client.query(read)).rows[0]!.rows;
  await client.query('ROLLBACK');
  return Number(after) - Number(before);
}

test(
  'a poll and a list of a pool that the planner has not heard of compare no owner with every lock',
  law,
  async t => {
    const client = await connected(t);
    await openMany(client, 'known', 3000, 0);
    await client.query('ANALYZE');
    await openMany(client, 'unheard', 5000, 1);
    for (const text of [
      `SELECT FROM deferred_sweep.orphans('unheard', '{note}', 20)`,
      `SELECT deferred_sweep.suspect_free('unheard')`,
    ]) {
      const startMs = performance.now();
      assert.equal((await client.query(text)).rows.length, text.includes('orphans') ? 0 : 1);
      const ms = performance.now() - startMs;
      assert.ok(ms < 1000, `${text}: ${ms} ms`);
    }
    // Nor does a poll look for the functions of those that live.
    assert.equal(
      await rowsRead(client, `SELECT FROM deferred_sweep.orphans($1, '{note}', 20)`, ['unheard']),
      0,
    );
  },
);

for (const order of ['fifo', 'lifo'])
  test(`each of many functions of a job is begun without a look at the others, ${order}`, law, async t => {
    const client = await connected(t);
    await openMany(client, `few ${order}`, 500, 2);
    await client.query('ANALYZE');
    const pool = `many ${order}`;
    await openMany(client, pool, 1, 5000);
    const { rows } = await client.query(
      'UPDATE deferred_sweep.owners SET run_order = $2 WHERE pool = $1 RETURNING lock_key, epoch, attachment',
      [pool, order],
    );
    const { lock_key: key, epoch, attachment } = rows[0]!;
    const read: number[] = [];
    // The planner changes its mind after five calls.
    for (
      let after: number | null = null;
      read.length < 8;
      after = order === 'fifo' ? read.length : 5001 - read.length
    ) {
      const text = `SELECT FROM deferred_sweep.start_attempt($1, $2, $3, gen_random_uuid(), 'me', '{note}', $4)`;
      read.push(await rowsRead(client, text, [key, epoch, attachment, after]));
    }
    assert.ok(Math.max(...read) < 10, `rows read: ${read.join(', ')}`);
  });
