/** What a new connection must be before a lock on it means anything: a server of its own, fit, and set up. */
import { randomBytes } from 'node:crypto';
import { DeferredSweepError } from '../../errors.ts';
import { SCHEMA_VERSION } from '../schema/migrate.ts';
import { assertUsable, BUILTINS_ONLY, refusal } from '../schema/refusal.ts';
import { type ConnectionOptions, newClient, type PgClient } from './driver.ts';

export interface Prepared {
  /** The pid of its backend, and since when: that tells it from a later one with the same pid. */
  readonly backend: string;
  /** What is weaker than it should be, for people. */
  readonly warnings: readonly string[];
}

/** By their names, as the server has them. */
type Settings = Readonly<Record<string, string>>;

/**
 * Settings without which a session lock, or what was committed, could vanish by itself, or an answer be misread, or its
 * warning not be told, or another schema's function of the same name be called. A server must keep them.
 */
const VITAL: Settings = {
  idle_session_timeout: '0',
  idle_in_transaction_session_timeout: '0',
  statement_timeout: '0',
  lock_timeout: '0',
  default_transaction_isolation: 'read committed',
  default_transaction_read_only: 'off',
  default_transaction_deferrable: 'off',
  DateStyle: 'ISO, MDY',
  client_encoding: 'UTF8',
  client_min_messages: 'warning',
  search_path: BUILTINS_ONLY,
};

/** By which the server notices that the client of a statement in progress is gone. */
const PROMPT_BUSY: Settings = { client_connection_check_interval: '1000' };

/** Settings by which the server notices that a client is gone. Without them it takes longer; units are the server's. */
const PROMPT: Settings = {
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '2',
  tcp_keepalives_count: '3',
  tcp_user_timeout: '10000',
  ...PROMPT_BUSY,
};

/** Commits that are reported before they are durable. `remote_apply` is stronger than `on`. */
const WEAK_COMMITS: readonly unknown[] = ['off', 'local', 'remote_write'];

/**
 * Checks the server and sets the connection up. Four round trips: owners without a session are waited for no longer than
 * their grace, and the way may be long.
 * @throws DeferredSweepError `DEFERRED_SERVER_UNSUPPORTED`, `DEFERRED_POOLER`, `DEFERRED_STANDBY`,
 * `DEFERRED_SCHEMA_VERSION`; what `pg` throws
 */
export async function prepare(client: PgClient, schema: string): Promise<Prepared> {
  const { version, commits, pid } = await assertUsable(client);
  // Before anything is set: a pooler would give the settings to its other clients.
  if (pid !== client.processID)
    throw refusal(
      'DEFERRED_POOLER',
      'a pooler stands before it, which may give a session lock to another client; connect to the server itself',
    );
  await set(client, {
    ...VITAL,
    ...PROMPT,
    ...(version >= 170_000 && { transaction_timeout: '0' }),
    ...(WEAK_COMMITS.includes(commits) && { synchronous_commit: 'on' }),
  });
  const { rows } = await client.query(
    `SELECT inet_client_addr() IS NULL AS is_local,
      ${asSessionUser(`(SELECT ${BACKEND} FROM pg_stat_activity a WHERE a.pid = pg_backend_pid())`)} AS backend,
      current_setting('synchronous_standby_names') = ''
        AND EXISTS (SELECT FROM pg_stat_replication) AS is_asynchronous,
      (SELECT json_object_agg(s.name, s.setting) FROM pg_settings s WHERE s.name = ANY ($1)) AS settings`,
    [[...Object.keys(VITAL), ...Object.keys(PROMPT), 'synchronous_commit', 'fsync']],
  );
  const row = rows[0]!;
  const settings = row.settings as Settings;
  assertKept(settings);
  const warnings: string[] = [];
  if (settings.fsync === 'off') warnings.push('fsync is off: what is registered does not survive its crash');
  if (row.is_asynchronous === true)
    warnings.push('its standbys are asynchronous: a failover loses what was registered last');
  // A Unix socket knows no keepalives: a session that waits for its client learns at once that it is gone.
  for (const [name, value] of Object.entries(row.is_local === true ? PROMPT_BUSY : PROMPT))
    if (settings[name] !== value)
      warnings.push(
        `it does not let ${name} be ${value} (it is ${settings[name]}): a dead worker may be noticed late`,
      );
  await checkSchema(client, schema);
  return { backend: String(row.backend), warnings };
}

/**
 * Takes a lock on `first`, opens a second connection, and looks whether the lock is where it should be while the second
 * one keeps a backend busy. A pooler that shares backends between clients gives itself away by one of the answers.
 * @throws DeferredSweepError `DEFERRED_POOLER`; what `pg` throws
 */
export async function testSessionLocks(first: PgClient, connection: ConnectionOptions): Promise<void> {
  const key = randomBytes(8).readBigInt64BE().toString();
  const { rows } = await first.query('SELECT pg_advisory_lock($1), pg_backend_pid() AS pid', [key]);
  const pid = rows[0]?.pid;
  const second = await newClient(connection);
  await second.connect();
  try {
    // First of all, so that what follows is not cut short by a limit of the server's.
    await set(second, VITAL);
    await second.query('BEGIN');
    const tryLock = 'SELECT pg_try_advisory_xact_lock($1) AS got, pg_backend_pid() AS pid';
    const [other] = (await second.query(tryLock, [key])).rows;
    const ownLock = `SELECT pg_backend_pid() AS pid, EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
       AND pid = pg_backend_pid() AND ((classid::bigint << 32) | objid::bigint) = $1) AS has`;
    const [again] = (await first.query(ownLock, [key])).rows;
    const isKept = other?.got === false && other.pid !== pid && again?.pid === pid && again?.has === true;
    if (!isKept)
      throw refusal(
        'DEFERRED_POOLER',
        'a session lock does not stay with the connection that took it, so a pooler stands before it; connect to the server itself',
      );
  } finally {
    await second.end();
  }
  await first.query('SELECT pg_advisory_unlock($1)', [key]);
}

/** Ends sessions of before. They may be cut off, or wait for a standby. None may do anything late, nor hold its locks longer. */
export async function endFormer(client: PgClient, backends: readonly string[]): Promise<void> {
  const ended = `(SELECT count(pg_terminate_backend(a.pid)) FROM pg_stat_activity a
     WHERE ${BACKEND} = ANY ($1::text[]) AND a.usename = session_user)`;
  await client.query(`SELECT ${asSessionUser(ended)}`, [backends]);
}

/** Of a row `a` of pg_stat_activity. */
const BACKEND = `(a.pid || ' since ' || a.backend_start)`;

/**
 * SQL that has the value of a subquery that is run as the role that logged in. A role may become another at once, by
 * `ALTER ROLE … SET role`, and as that one see nothing of its own sessions. CASE keeps the order; the transaction ends it.
 */
function asSessionUser(subquery: string): string {
  return `CASE WHEN set_config('role', 'none', true) = 'none' THEN ${subquery} END`;
}

function assertKept(settings: Settings): void {
  const isWeak = WEAK_COMMITS.includes(settings.synchronous_commit);
  const wanted = { ...VITAL, ...(isWeak && { synchronous_commit: 'on' }) };
  for (const [name, value] of Object.entries(wanted))
    if (settings[name] !== value)
      throw refusal(
        'DEFERRED_SERVER_UNSUPPORTED',
        `it does not let ${name} be ${value} (it is ${settings[name]})`,
      );
}

/** What may not be set is found when it is read back. */
async function set(client: PgClient, values: Settings): Promise<void> {
  const entries = Object.entries(values);
  const calls = entries.map(
    (_, index) => `pg_catalog.set_config($${2 * index + 1}, $${2 * index + 2}, false)`,
  );
  try {
    await client.query(`SELECT ${calls.join(', ')}`, entries.flat());
  } catch (error) {
    if (!isStatementError(error)) throw error;
    if (entries.length === 1) return;
    // By halves, down to the one: the others are set.
    const half = entries.length >> 1;
    for (const part of [entries.slice(0, half), entries.slice(half)])
      await set(client, Object.fromEntries(part));
  }
}

async function checkSchema(client: PgClient, schema: string): Promise<void> {
  let found: number;
  try {
    const { rows } = await client.query(`SELECT ${schema}.schema_version() AS version`);
    found = Number(rows[0]?.version);
  } catch (error) {
    if (!isStatementError(error)) throw error;
    throw new DeferredSweepError(
      'DEFERRED_SCHEMA_VERSION',
      `cannot use schema ${schema}: it is not there, or this role may not use it; run 'deferred-sweep cluster migrate' with --worker ROLE or --operator ROLE`,
      { cause: error },
    );
  }
  if (found === SCHEMA_VERSION) return;
  throw new DeferredSweepError(
    'DEFERRED_SCHEMA_VERSION',
    `cannot use schema ${schema}: it has version ${found}, this code needs ${SCHEMA_VERSION}; ` +
      (found < SCHEMA_VERSION
        ? "run 'deferred-sweep cluster migrate'"
        : 'use the deferred-sweep that migrated it'),
  );
}

/** SQLSTATEs after which the connection is gone, or about to be: shut down, crashed, starting up, and class 08. */
const FATAL = /^(57P0[1-5]|08...)$/;

interface StatementError extends Error {
  readonly code: string;
  /** A word in the server's language. */
  readonly severity: unknown;
}

/** Whether the server refused one statement, and the connection goes on. */
export function isStatementError(error: unknown): error is StatementError {
  if (!(error instanceof Error) || !('severity' in error) || !('code' in error)) return false;
  return error.severity !== 'FATAL' && error.severity !== 'PANIC' && !FATAL.test(String(error.code));
}

/**
 * Whether the connection goes on, in any language: by an error that ends it, the statement may be done. Where the word is not
 * the English one, the server is asked.
 */
export async function goesOn(client: PgClient, { severity }: StatementError): Promise<boolean> {
  if (severity === 'ERROR') return true;
  try {
    await client.query('SELECT 1');
    return true;
  } catch (error) {
    return isStatementError(error);
  }
}

/**
 * SQLSTATEs of a statement that was undone for another's sake: serialization_failure, deadlock_detected, query_canceled. The
 * last is by hand, or by a program that ends what waits long. No limit of the server's is in force.
 */
const TRY_AGAIN: readonly string[] = ['40001', '40P01', '57014'];

export function isTransient(error: unknown): error is Error {
  return isStatementError(error) && TRY_AGAIN.includes(error.code);
}
