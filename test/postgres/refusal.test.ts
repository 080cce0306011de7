import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasCode } from '#dist/errors.js';
import { ClusterManager, currentInvocation } from '#dist/postgres/index.js';
import { migrate } from '#dist/postgres/schema/migrate.js';
import { newClient, type PgClient } from '#dist/postgres/session/driver.js';
import { prepare } from '#dist/postgres/session/prepare.js';
import { freePort } from '../helpers/free-port.ts';
import { handlers } from '../helpers/postgres/handlers.ts';
import { skipPgbouncer, startPgbouncer } from '../helpers/postgres/pgbouncer.ts';
import { Pool } from '../helpers/postgres/pool.ts';
import { TcpProxy } from '../helpers/postgres/proxy.ts';
import { PostgresServer, skipPostgres } from '../helpers/postgres/server.ts';
import { sharedServer } from '../helpers/postgres/shared-server.ts';
import { silentServer } from '../helpers/postgres/silent-server.ts';
import { until } from '../helpers/until.ts';

const law = { skip: skipPostgres };
let server: PostgresServer;

sharedServer(started => {
  server = started;
});

/** A role that can log in, with defaults of its own. @param rights - of CREATE ROLE */
async function makeRole(
  role: string,
  rights: string,
  defaults: Readonly<Record<string, string>>,
): Promise<void> {
  await server.sql(`CREATE ROLE ${role} LOGIN ${rights}`);
  for (const [name, value] of Object.entries(defaults))
    await server.sql(`ALTER ROLE ${role} SET ${name} = '${value}'`);
}

for (const mode of ['session', 'transaction', 'statement'] as const) {
  test(`pgbouncer in ${mode} mode is refused`, { skip: skipPostgres || skipPgbouncer }, async t => {
    const port = await startPgbouncer(t, server, mode);
    const manager = new Pool(t, server).manager({ connection: server.url('worker', port) });
    await assert.rejects(manager.open(), error => hasCode(error, 'DEFERRED_POOLER'));
  });
}

test('a connection that a pooler shares is refused before anything is set on it', {
  skip: skipPostgres || skipPgbouncer,
}, async t => {
  const port = await startPgbouncer(t, server, 'transaction');
  await server.sql(`ALTER ROLE worker SET statement_timeout = '59s'`);
  t.after(() => server.sql('ALTER ROLE worker RESET statement_timeout'));
  const manager = new Pool(t, server).manager({ connection: server.url('worker', port) });
  await assert.rejects(manager.open(), error => hasCode(error, 'DEFERRED_POOLER'));
  const next = await newClient({ connectionString: server.url('worker', port) });
  await next.connect();
  const { rows } = await next.query('SHOW statement_timeout');
  await next.end();
  assert.deepEqual(rows, [{ statement_timeout: '59s' }]);
});

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
  const client = await standby.connect();
  const migrated = migrate(client, '"on_standby"', { workers: [], operators: [] });
  await assert.rejects(migrated, error => hasCode(error, 'DEFERRED_STANDBY'));
  await client.end();
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

test('migrations at once make one schema, whatever limits and isolation their role has', law, async t => {
  const defaults = {
    default_transaction_isolation: 'repeatable read',
    default_transaction_read_only: 'on',
    statement_timeout: '50ms',
    lock_timeout: '1ms',
    idle_in_transaction_session_timeout: '1ms',
  };
  await makeRole('besieged', 'SUPERUSER', defaults);
  const clients = await Promise.all([1, 2, 3].map(() => server.connect('besieged')));
  t.after(() => Promise.all(clients.map(client => client.end())));
  // All of them wait at once, for longer than any of the limits.
  const lock = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))';
  const blocker = await server.lock(t, lock, ['deferred-sweep migrate "at_once"']);
  const migrations = Promise.all(
    clients.map(client => migrate(client, '"at_once"', { workers: ['worker'], operators: [] })),
  );
  migrations.catch(() => {}); // told below
  await until('three that have waited', async () => {
    const waiting = `SELECT FROM pg_stat_activity WHERE usename = 'besieged' AND wait_event = 'advisory'
      AND query_start < clock_timestamp() - interval '100 ms'`;
    const ended = await Promise.race([migrations.then(Boolean), undefined]);
    return ended !== undefined || (await server.sql(waiting)).length === 3;
  });
  await blocker.query('COMMIT');
  assert.deepEqual((await migrations).sort(), [0, 1, 1]);
  const manager = new Pool(t, server).manager({ schema: 'at_once' });
  await (await manager.open()).close();
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

test('a server that does not answer a connection is named, with how long it was waited for', law, async t => {
  const { port } = await silentServer(t);
  const manager = new Pool(t, server).manager({ connection: server.url('worker', port) });
  await assert.rejects(manager.open(), {
    code: 'DEFERRED_DATABASE',
    message: `cannot connect to PostgreSQL: 127.0.0.1:${port} did not answer within 3000 ms; look at the server, the address and the password`,
  });
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
    return text.includes('set_config($') ? { rows: [] } : undefined;
  });
  await assert.rejects(prepare(old, '"deferred_sweep"'), error =>
    hasCode(error, 'DEFERRED_SERVER_UNSUPPORTED'),
  );
  const keeping = altered(client, text => (text.includes('set_config($') ? { rows: [] } : undefined));
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
    if (!text.includes('set_config($') || !values.includes('client_connection_check_interval'))
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
    DateStyle: 'SQL, DMY',
    TimeZone: 'Asia/Kathmandu',
    bytea_output: 'escape',
    client_min_messages: 'error',
  };
  await makeRole('beset', 'IN ROLE worker', hostile);
  const pool = new Pool(t, server);
  const warnings: string[] = [];
  const logger = { info() {}, warn: (text: string) => void warnings.push(text) };
  let registeredAt: Date | undefined;
  const note = (): void => {
    registeredAt = currentInvocation()?.registeredAt;
  };
  const hears = { ...handlers, note };
  const job = await pool.manager({ connection: server.url('beset'), logger, handlers: hears }).open();
  assert.deepEqual(
    warnings.map(text => text.replace(/.*: (fsync is off).*/, '$1')),
    ['fsync is off'],
  );
  const holder = () => server.sql('SELECT pid FROM deferred_sweep.held_keys()');
  const [first] = await holder();
  const openedMs = performance.now();
  await until('four times the idle timeout', () => performance.now() - openedMs > 1200);
  await job.defer('note', pool.ledger.path, 'é');
  assert.deepEqual(await holder(), [first]);
  assert.equal((await job.close()).ok, 1);
  assert.ok(Math.abs(Number(registeredAt) - Date.now()) < 60_000, String(registeredAt));
});

test('options are checked by name before anything is connected', () => {
  const some = { note() {} };
  const wrong = [
    { pool: '', handlers: some },
    { pool: 'p', handlers: null },
    { pool: 'p', handlers: { note: 1 } },
    { pool: 'p', handlers: some, schema: 'A; DROP' },
    { pool: 'p', handlers: some, graceMs: -1 },
    { pool: 'p', handlers: some, graceMs: 20, restartGraceMs: 10 },
    { pool: 'p', handlers: some, maxAttempts: 0 },
    { pool: 'p', handlers: some, connection: { password: () => 'x' } },
    { pool: 'p', handlers: some, delivery: 'never' },
    { pool: 'p', handlers: some, callTimeoutMs: 0 },
    { pool: 'p', handlers: some, grace: 20 },
    { pool: 'p', handlers: {} },
    {
      pool: 'p',
      handlers: new (class {
        note() {}
      })(),
    },
    { pool: 'p\ud800', handlers: some },
    { pool: 'p', handlers: { 'note\udc00'() {} } },
  ];
  for (const options of wrong) {
    assert.throws(() => new ClusterManager(options as never), /option "/, JSON.stringify(options));
  }
});

test('numbers that the server has no room for are rounded up, and attempts capped', law, async t => {
  const pool = new Pool(t, server);
  const job = await pool
    .manager({
      graceMs: 0.5,
      restartGraceMs: 1.5,
      timeoutMs: 1e4 / 3,
      retryDelayMs: 0.1,
      maxAttempts: Number.MAX_SAFE_INTEGER,
    })
    .open();
  await job.defer('fail', pool.ledger.path, 'a');
  const { failed, pending, owners } = await job.close();
  assert.deepEqual([failed, pending, owners[0]?.outcome], [1, 1, 'ran']);
});

test('a watch and a sweep refuse options that they do not know', law, async t => {
  const manager = new Pool(t, server).manager();
  const wrong = { interval: 1, onReport: 1 };
  await assert.rejects(manager.sweep(wrong as never), TypeError);
  for (const [name, value] of Object.entries(wrong))
    await assert.rejects(manager.watch({ [name]: value }), TypeError, name);
  const message = 'option "onReport" must be a function, got 1';
  await assert.rejects(manager.watch({ onReport: 1 as never }), { message });
});
