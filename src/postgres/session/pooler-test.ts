/** Finds poolers that hide: whether a session lock stays with the connection that took it. */
import { randomBytes } from 'node:crypto';
import { refusal } from '../schema/refusal.ts';
import { type ConnectionOptions, newClient, type PgClient } from './driver.ts';
import { quieten } from './prepare.ts';

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
    await quieten(second);
    await second.query('BEGIN');
    const other = await second.query('SELECT pg_try_advisory_xact_lock($1) AS got, pg_backend_pid() AS pid', [
      key,
    ]);
    const again = await first.query(
      `SELECT pg_backend_pid() AS pid, EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND granted
         AND pid = pg_backend_pid() AND ((classid::bigint << 32) | objid::bigint) = $1) AS has`,
      [key],
    );
    const kept =
      other.rows[0]?.got === false &&
      other.rows[0].pid !== pid &&
      again.rows[0]?.pid === pid &&
      again.rows[0]?.has === true;
    if (!kept) {
      throw refusal(
        'DEFERRED_POOLER',
        'a session lock does not stay with the connection that took it, so a pooler stands before it; connect to the server itself',
      );
    }
  } finally {
    await second.end();
  }
  await first.query('SELECT pg_advisory_unlock($1)', [key]);
}
