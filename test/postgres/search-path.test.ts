import assert from 'node:assert/strict';
import { test } from 'node:test';
import { migrate } from '#dist/postgres/schema/migrate.js';
import { Pool } from '../helpers/postgres/pool.ts';
import { type PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';

const law = { skip: skipPostgres };
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

/** Builtins that this package calls, of which the last is a better match for some of its arguments than the builtin. */
const CALLED = [
  'set_config(text, text, boolean) RETURNS text',
  'current_setting(text) RETURNS text',
  'pg_backend_pid() RETURNS integer',
  'pg_is_in_recovery() RETURNS boolean',
  'inet_client_addr() RETURNS inet',
  'pg_advisory_lock(bigint) RETURNS void',
  'pg_try_advisory_xact_lock(bigint) RETURNS boolean',
  'pg_terminate_backend(integer) RETURNS boolean',
  'hashtextextended(text, integer) RETURNS bigint',
];

async function trap(schema: string): Promise<void> {
  await server.sql(`CREATE SCHEMA IF NOT EXISTS ${schema}; GRANT USAGE ON SCHEMA ${schema} TO PUBLIC;
    CREATE VIEW ${schema}.pg_settings AS SELECT 'none' AS name, 'none' AS setting;
    CREATE VIEW ${schema}.pg_stat_activity AS SELECT 0 AS pid;
    GRANT SELECT ON ${schema}.pg_settings, ${schema}.pg_stat_activity TO PUBLIC`);
  for (const called of CALLED)
    await server.sql(`CREATE FUNCTION ${schema}.${called} LANGUAGE plpgsql AS
      $$ BEGIN RAISE 'called by % in place of ${called}', current_user; END $$`);
}

test('a role whose path has its own functions before the builtins works as any other', law, async t => {
  await trap('own');
  await server.sql(
    `CREATE ROLE shadowed LOGIN IN ROLE worker, operator; ALTER ROLE shadowed SET search_path = own, pg_catalog`,
  );
  const pool = new Pool(t, server);
  const job = await pool.manager({ connection: server.url('shadowed') }).open();
  await job.defer('note', pool.ledger.path, 'a');
  const [holder] = await server.sql('SELECT pid FROM deferred_sweep.held_keys()');
  await server.sql('SELECT pg_terminate_backend($1)', [holder!.pid]);
  await job.defer('note', pool.ledger.path, 'b');
  assert.equal((await job.close()).ok, 2);
});

test('a migration calls no function that another user has put on the path of its role', law, async () => {
  // On the default path, and where each user could write before PostgreSQL 15.
  await trap('public');
  const client = await server.connect();
  try {
    assert.equal(await migrate(client, '"trapped"', { workers: ['worker'], operators: ['operator'] }), 0);
  } finally {
    await client.end();
  }
});
