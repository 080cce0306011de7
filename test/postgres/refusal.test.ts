import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#dist/errors.js';
import { ClusterManager } from '#dist/postgres/index.js';
import { migrate } from '#dist/postgres/schema/migrate.js';
import { newClient, type PgClient } from '#dist/postgres/session/driver.js';
import { prepare } from '#dist/postgres/session/prepare.js';
import { freePort } from '../helpers/free-port.ts';
import { skipPgbouncer, startPgbouncer } from '../helpers/postgres/pgbouncer.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { TcpProxy } from '../helpers/postgres/proxy.ts';
import { PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

for (const mode of ['session', 'transaction', 'statement'] as const) {
  test(`pgbouncer in ${mode} mode is refused`, { skip: skipPostgres || skipPgbouncer }, async t => {
    const port = await startPgbouncer(t, server, mode);
    const manager = new Pool(t, server).manager({ connection: server.url('worker', port) });
    await assert.rejects(manager.open(), error => hasCode(error, 'DEFERRED_POOLER'));
  });
}

test('a pooler that names the right backend is refused by what becomes of a lock', {
  skip: skipPostgres || skipPgbouncer,
}, async t => {
  const port = await startPgbouncer(t, server, 'transaction');
  const pooled = await newClient({ connectionString: server.url('worker', port) });
  await pooled.connect();
  const { rows } = await pooled.query('SELECT pg_backend_pid() AS pid');
  await pooled.end();
  const proxy = await TcpProxy.start(t, { address: '127.0.0.1', port });
  // The message of the protocol that tells a client its backend: 'K', its length, the pid.
  const head = Buffer.from([0x4b, 0, 0, 0, 12]);
  let named = 0;
  proxy.alterAnswer = data => {
    const at = data.indexOf(head);
    if (at === -1) return data;
    named += 1;
    data.writeInt32BE(Number(rows[0]!.pid), at + head.length);
    return data;
  };
  const manager = new Pool(t, server).manager({ connection: proxy.url() });
  await assert.rejects(
    manager.open(),
    error => hasCode(error, 'DEFERRED_POOLER') && error.message.includes('session lock'),
  );
  assert.equal(named, 2, 'it passed the first test, and failed the second');
});

test('a standby is refused; a primary says that it is asynchronous', law, async t => {
  const standby = await PostgresServer.start({ standbyOf: server });
  t.after(() => standby.end());
  const manager = new Pool(t, standby).manager();
  await assert.rejects(manager.open(), error => hasCode(error, 'DEFERRED_STANDBY'));
  const isFollowed = `SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'`;
  await until('the standby follows', async () => (await server.sql(isFollowed)).length === 1);
  const warnings: string[] = [];
  const logger = { info() {}, warn: (text: string) => void warnings.push(text) };
  await new Pool(t, server).manager({ logger }).open();
  assert.match(warnings.join('\n'), /its standbys are asynchronous: a failover loses/);
});

test('a database that cannot hold every character is refused, by a migration too', law, async t => {
  await server.sql("CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
  const connection = server.url().replace(/postgres$/, 'latin');
  await assert.rejects(
    new Pool(t, server).manager({ connection }).open(),
    error => hasCode(error, 'DEFERRED_SERVER_UNSUPPORTED') && error.message.includes('LATIN1'),
  );
  const client = await newClient({ connectionString: connection });
  await client.connect();
  const migrated = migrate(client, '"deferred_sweep"', { workers: [], operators: [] });
  await assert.rejects(migrated, error => hasCode(error, 'DEFERRED_SERVER_UNSUPPORTED'));
  const { rows } = await client.query("SELECT FROM pg_namespace WHERE nspname = 'deferred_sweep'");
  assert.equal(rows.length, 0, 'nothing is made');
  await client.end();
});

test('a schema that is missing, newer, or closed to the role is refused', law, async t => {
  const client = await server.connect();
  await migrate(client, '"newer"', { workers: ['worker'], operators: [] });
  await migrate(client, '"closed"', { workers: [], operators: [] });
  await client.query('UPDATE newer.meta SET version = 99');
  await assert.rejects(migrate(client, '"newer"', { workers: [], operators: [] }), error =>
    hasCode(error, 'DEFERRED_SCHEMA_VERSION'),
  );
  await client.end();
  for (const schema of ['missing', 'newer', 'closed']) {
    const manager = new Pool(t, server).manager({ schema });
    await assert.rejects(manager.open(), error => hasCode(error, 'DEFERRED_SCHEMA_VERSION'), schema);
  }
});

test('a server that is not there is DEFERRED_DATABASE, with the cause', law, async t => {
  const manager = new Pool(t, server).manager({ connection: server.url('worker', await freePort()) });
  await assert.rejects(
    manager.open(),
    error =>
      hasCode(error, 'DEFERRED_DATABASE') && (error.cause as { code?: string }).code === 'ECONNREFUSED',
  );
});

/** A client of the real server, one of whose statements is answered or dropped by the test. */
function altered(
  client: PgClient,
  alter: (text: string, values?: readonly unknown[]) => object | undefined,
): PgClient {
  return new Proxy(client, {
    get(target, property) {
      if (property === 'query') {
        return async (text: string, values?: readonly unknown[]) =>
          alter(text, values) ?? (await target.query(text, values));
      }
      const value: unknown = Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

test('a server before 14, and one that keeps a setting that matters, are refused', law, async () => {
  await server.sql(
    `CREATE ROLE limited LOGIN IN ROLE worker; ALTER ROLE limited SET idle_session_timeout = '1h'`,
  );
  const client = await server.connect('limited');
  const old = altered(client, text => {
    if (text.includes('server_version_num')) return { rows: [{ version: 130_014, named: '13.14' }] };
    return text.includes('set_config') ? { rows: [] } : undefined;
  });
  await assert.rejects(prepare(old, '"deferred_sweep"'), error =>
    hasCode(error, 'DEFERRED_SERVER_UNSUPPORTED'),
  );
  const keeping = altered(client, text => (text.includes('set_config') ? { rows: [] } : undefined));
  await assert.rejects(
    prepare(keeping, '"deferred_sweep"'),
    error => hasCode(error, 'DEFERRED_SERVER_UNSUPPORTED') && error.message.includes('idle_session_timeout'),
  );
  await client.end();
});

test('a server that fixes a setting by which a death is noticed is told, and is used', law, async () => {
  const client = await server.connect('worker');
  // As on Azure: one of the settings by which a death is noticed is fixed.
  const fixing = altered(client, (text, values = []) => {
    if (!text.includes('set_config') || !values.includes('client_connection_check_interval'))
      return undefined;
    throw Object.assign(new Error('it cannot be changed'), { severity: 'ERROR', code: '55P02' });
  });
  const { warnings } = await prepare(fixing, '"deferred_sweep"');
  assert.deepEqual(
    warnings.filter(text => !text.startsWith('fsync')).map(text => text.replace(/ \(.*/, '')),
    ['it does not let client_connection_check_interval be 1000'],
  );
  await client.end();
});

test('hostile defaults of a server change nothing; fsync off is told', law, async t => {
  const hostile = {
    idle_session_timeout: '300ms',
    statement_timeout: '20ms',
    lock_timeout: '1ms',
    idle_in_transaction_session_timeout: '1ms',
    default_transaction_isolation: 'serializable',
    default_transaction_read_only: 'on',
    default_transaction_deferrable: 'on',
    synchronous_commit: 'off',
  };
  await server.sql('CREATE ROLE beset LOGIN IN ROLE worker');
  for (const [name, value] of Object.entries(hostile))
    await server.sql(`ALTER ROLE beset SET ${name} = '${value}'`);
  const pool = new Pool(t, server);
  const warnings: string[] = [];
  const logger = { info() {}, warn: (text: string) => void warnings.push(text) };
  const job = await pool.manager({ connection: server.url('beset'), logger }).open();
  assert.deepEqual(
    warnings.map(text => text.replace(/.*: (fsync is off).*/, '$1')),
    ['fsync is off'],
  );
  const holder = () => server.sql('SELECT pid FROM deferred_sweep.held_keys()');
  const [first] = await holder();
  const openedMs = performance.now();
  await until('four times the idle timeout', () => performance.now() - openedMs > 1200);
  await job.defer('note', pool.ledger.path, 'a');
  assert.deepEqual(await holder(), [first]);
  assert.equal((await job.close()).ok, 1);
});

test('options are checked by name before anything is connected', () => {
  const handlers = { note() {} };
  const wrong = [
    { pool: '', handlers },
    { pool: 'p', handlers: null },
    { pool: 'p', handlers: { note: 1 } },
    { pool: 'p', handlers, schema: 'A; DROP' },
    { pool: 'p', handlers, graceMs: -1 },
    { pool: 'p', handlers, graceMs: 20, restartGraceMs: 10 },
    { pool: 'p', handlers, maxAttempts: 0 },
    { pool: 'p', handlers, connection: { password: () => 'x' } },
    { pool: 'p', handlers, delivery: 'never' },
  ];
  for (const options of wrong) {
    assert.throws(() => new ClusterManager(options as never), /option "/, JSON.stringify(options));
  }
});
