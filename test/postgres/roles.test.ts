import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { OwnerReport } from '#dist/postgres/index.js';
import { migrate } from '#dist/postgres/schema/migrate.js';
import { Pool } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

test('no role can touch a table, and each can call its own functions only', law, async () => {
  const tables = await server.sql(`SELECT c.oid::regclass::text AS name FROM pg_class c
    WHERE c.relnamespace = 'deferred_sweep'::regnamespace AND c.relkind IN ('r', 'S')`);
  assert.equal(tables.length, 7);
  await server.sql('CREATE ROLE stranger LOGIN');
  for (const role of ['worker', 'operator', 'stranger']) {
    const client = await server.connect(role);
    for (const { name } of tables) {
      await assert.rejects(client.query(`SELECT * FROM ${name}`), { code: '42501' }, `${role} reads ${name}`);
    }
    await assert.rejects(client.query('DELETE FROM deferred_sweep.functions'), { code: '42501' });
    await client.end();
  }
  const callable = await server.sql(`SELECT r.rolname AS role, p.proname AS name FROM pg_proc p, pg_roles r
    WHERE p.pronamespace = 'deferred_sweep'::regnamespace AND r.rolname IN ('worker', 'operator', 'stranger')
      AND has_function_privilege(r.oid, p.oid, 'EXECUTE') ORDER BY 1, 2`);
  assert.deepEqual(
    callable.map(({ role, name }) => `${role} ${name}`),
    [
      ...['discard', 'list_owners', 'retry', 'schema_version', 'suspect_free'].map(
        name => `operator ${name}`,
      ),
      ...['cancel', 'end_attempt', 'open_owner', 'orphans', 'reattach', 'register', 'retire'].map(
        name => `worker ${name}`,
      ),
      ...['schema_version', 'start_attempt', 'take_over'].map(name => `worker ${name}`),
    ],
  );
});

test('a migration into a schema of others takes no right from their functions', law, async () => {
  await server.sql(`CREATE SCHEMA theirs; CREATE ROLE theirs LOGIN; GRANT USAGE ON SCHEMA theirs TO theirs;
    CREATE FUNCTION theirs.one() RETURNS integer LANGUAGE sql AS 'SELECT 1'`);
  const [client, theirs] = [await server.connect(), await server.connect('theirs')];
  await migrate(client, 'theirs', { workers: ['worker'], operators: [] });
  assert.equal((await theirs.query('SELECT theirs.one() AS one')).rows[0]?.one, 1);
  const ours = await client.query(`SELECT p.proname FROM pg_proc p
    WHERE p.pronamespace = 'theirs'::regnamespace AND has_function_privilege('theirs', p.oid, 'EXECUTE')`);
  assert.deepEqual(ours.rows, [{ proname: 'one' }]);
  await Promise.all([client.end(), theirs.end()]);
});

test('an owner with no function that is ours is left alone, its epoch unchanged', law, async t => {
  const pool = new Pool(t, server);
  const owner = await pool.owner({ graceMs: 0 });
  await owner.defer('note', 'a');
  await owner.child.kill();
  const [before] = await pool.owners();
  const other = pool.manager({ graceMs: 0, handlers: { other() {} } as never });
  const sweeps: number[] = [];
  await until('twenty sweeps', async () => sweeps.push((await other.sweep()).owners.length) === 20);
  const [left] = await pool.owners();
  assert.deepEqual(left, before);
  assert.deepEqual(pool.ledger.entries(), []);
  const mine = pool.manager({ graceMs: 0 });
  await until('its own sweeper', async () => (await mine.sweep()).ok === 1);
});

test(
  'a failed function waits for its time, doubled, and becomes a dead letter after its last attempt',
  law,
  async t => {
    const pool = new Pool(t, server);
    const manager = pool.manager({ maxAttempts: 3, retryDelayMs: 200, graceMs: 0 });
    const job = await manager.open();
    await job.defer('fail', pool.ledger.path, 'a');
    const report = await job.close();
    assert.deepEqual([report.failed, report.pending], [1, 1]);
    const [waiting] = await server.sql(
      `SELECT f.next_at - a.ended_at >= interval '200 ms' AS waits FROM deferred_sweep.functions f
     JOIN deferred_sweep.attempts a USING (lock_key, id) JOIN deferred_sweep.owners USING (lock_key) WHERE pool = $1`,
      [pool.name],
    );
    assert.equal(waiting!.waits, true);
    const last = await until('the dead letter', async () => {
      const { owners } = await manager.sweep();
      return owners.flatMap(owner => owner.functions).find(fn => fn.deadLetter !== undefined);
    });
    assert.equal(last.attempt, 3);
    const starts = pool.ledger.entries().map(({ atMs }) => atMs);
    assert.equal(starts.length, 3);
    assert.ok(starts[1]! - starts[0]! >= 200 && starts[2]! - starts[1]! >= 400, String(starts));
    assert.deepEqual(await pool.owners(), []);
    const [letter] = await server.sql('SELECT * FROM deferred_sweep.dead_letters WHERE pool = $1', [
      pool.name,
    ]);
    assert.equal((letter!.attempts as unknown[]).length, 3);
  },
);

test(
  'an attempt without an end counts; delivered at most once, the function is not repeated',
  law,
  async t => {
    const pool = new Pool(t, server);
    for (const delivery of ['at-least-once', 'at-most-once'] as const) {
      const options = { delivery, graceMs: 0, maxAttempts: 2 };
      const owner = await pool.owner(options);
      await owner.defer('slow', delivery, 4000);
      owner.child.send({ do: 'close' });
      await until('the start', () => pool.ledger.names('start').includes(delivery));
      await owner.child.kill();
    }
    const sweeper = pool.manager({ graceMs: 0, killGraceMs: 100 });
    await server.sql('UPDATE deferred_sweep.functions SET timeout_ms = 100');
    const reports: OwnerReport[] = [];
    await until('both', async () => {
      reports.push(...(await sweeper.sweep()).owners);
      return reports.length >= 2;
    });
    const functions = reports.flatMap(owner => owner.functions);
    assert.deepEqual(functions.map(({ outcome, attempt }) => `${outcome} ${attempt}`).sort(), [
      'skipped 1',
      'timed-out 2',
    ]);
    assert.equal(functions.find(fn => fn.outcome === 'skipped')?.error?.code, 'DEFERRED_CRASHED');
  },
);

test('a function that is delivered at most once has one attempt, also when it fails', law, async t => {
  const pool = new Pool(t, server);
  const job = await pool.manager({ delivery: 'at-most-once', maxAttempts: 5, retryDelayMs: 0 }).open();
  await job.defer('fail', pool.ledger.path, 'a');
  const { owners, failed, pending } = await job.close();
  assert.deepEqual([failed, pending], [1, 0]);
  assert.equal(owners[0]?.functions[0]?.deadLetter, `${job.id}.1`);
});

test('an owner that dies with nothing registered is forgotten after the grace', law, async t => {
  const pool = new Pool(t, server);
  const owner = await pool.owner({ graceMs: 100 });
  await owner.child.kill();
  const sweeper = pool.manager();
  await until('no owner', async () => {
    await sweeper.sweep();
    return (await pool.owners()).length === 0;
  });
});
