/** Refusals of a server. Every new connection makes them, that of a migration too. */
import { DeferredSweepError, type DeferredSweepErrorCode } from '../../errors.ts';
import type { PgClient } from '../session/driver.ts';

/** The oldest server with `client_connection_check_interval` and `idle_session_timeout`. */
const OLDEST_SERVER = 140_000;

/** With this `search_path` a name without a schema is a builtin. The server looks into no schema of the role or of others. */
export const BUILTINS_ONLY = 'pg_catalog, pg_temp';

export function refusal(code: DeferredSweepErrorCode, reason: string): DeferredSweepError {
  return new DeferredSweepError(code, `cannot use the PostgreSQL server: ${reason}`);
}

/**
 * Asks the first question on a connection, and sets nothing: so each name has its schema. `commits` is the role's
 * `synchronous_commit`, `pid` that of the backend that answered, which may not be the one that a pooler named.
 * @throws DeferredSweepError `DEFERRED_SERVER_UNSUPPORTED`, `DEFERRED_STANDBY`; what `pg` throws
 */
export async function assertUsable(
  client: PgClient,
): Promise<{ version: number; commits: unknown; pid: number }> {
  const { rows } = await client.query(`
    SELECT pg_catalog.current_setting('server_version_num')::integer AS version,
      pg_catalog.current_setting('server_version') AS named, pg_catalog.current_setting('server_encoding') AS encoding,
      pg_catalog.current_setting('synchronous_commit') AS commits,
      pg_catalog.pg_is_in_recovery() AS standby, pg_catalog.pg_backend_pid() AS pid`);
  const { version, named, encoding, commits, standby, pid } = rows[0]!;
  if (Number(version) < OLDEST_SERVER)
    throw refusal(
      'DEFERRED_SERVER_UNSUPPORTED',
      `it is PostgreSQL ${named}, and 14 is the oldest that will do`,
    );
  if (standby === true)
    throw refusal('DEFERRED_STANDBY', 'it is a standby, which only reads; connect to the primary');
  // In another encoding an attempt cannot end whose error has a character that is not there.
  if (encoding !== 'UTF8')
    throw refusal('DEFERRED_SERVER_UNSUPPORTED', `its database is ${encoding}; use one with ENCODING 'UTF8'`);
  return { version: Number(version), commits, pid: Number(pid) };
}
