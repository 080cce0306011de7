/** Brings the schema of a database to this version. Workers never come here. */
import { DeferredSweepError } from '../../errors.ts';
import type { PgClient } from '../session/driver.ts';
import { ATTEMPTS } from './attempts.ts';
import { OPERATORS } from './operators.ts';
import { OWNERSHIP } from './ownership.ts';
import { assertUsable, BUILTINS_ONLY } from './refusal.ts';
import { TABLES } from './tables.ts';

/** One step from each version to the next. A step that was released is never changed. */
const STEPS: readonly string[] = [TABLES + OWNERSHIP + ATTEMPTS + OPERATORS];

/** The version of the schema this code works with. */
export const SCHEMA_VERSION: number = STEPS.length;

const DEFINER = 'LANGUAGE plpgsql VOLATILE SECURITY DEFINER SET search_path = pg_catalog, pg_temp';

/** Which roles are granted what. Roles must exist. */
type Grants = Readonly<Record<'workers' | 'operators', readonly string[]>>;

const MAY_CALL: Readonly<Record<keyof Grants, string>> = {
  workers: `{schema}.open_owner, {schema}.register, {schema}.start_attempt, {schema}.end_attempt, {schema}.cancel,
    {schema}.orphans, {schema}.take_over, {schema}.reattach, {schema}.retire, {schema}.schema_version`,
  operators: `{schema}.suspect_free, {schema}.list_owners, {schema}.retry, {schema}.discard, {schema}.schema_version`,
};

/**
 * Begins, whatever the defaults of the role are. At a higher isolation a migration would not see what the one that it waited
 * for has made. Without the path another user's function could be called with the rights of the one who migrates. All of it
 * ends with the transaction: a pooler gives it to no other client.
 */
const BEGIN = `
BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE;
SET LOCAL search_path = ${BUILTINS_ONLY};
SELECT set_config(s.name, '0', true) FROM pg_settings s WHERE s.name IN
  ('statement_timeout', 'lock_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout')`;

/**
 * Brings the schema to {@link SCHEMA_VERSION} and grants the roles what they need, in one transaction. Returns the
 * version it found, 0 for none. Two at once wait for each other.
 * @throws DeferredSweepError `DEFERRED_SCHEMA_VERSION` where the schema is newer; those of `assertUsable`
 */
export async function migrate(client: PgClient, schema: string, grants: Grants): Promise<number> {
  await assertUsable(client);
  try {
    await client.query(BEGIN);
    const lock = 'SELECT pg_advisory_xact_lock(hashtextextended($1, 0))';
    await client.query(lock, [`deferred-sweep migrate ${schema}`]);
    const found = await versionOf(client, schema);
    if (found > SCHEMA_VERSION)
      throw new DeferredSweepError(
        'DEFERRED_SCHEMA_VERSION',
        `cannot migrate schema ${schema}: it has version ${found}, newer than ${SCHEMA_VERSION}; use a newer deferred-sweep`,
      );
    if (found === 0) await client.query(`CREATE SCHEMA IF NOT EXISTS ${schema}`);
    for (const step of STEPS.slice(found)) await client.query(filled(step, schema));
    if (found < SCHEMA_VERSION)
      await client.query(
        `INSERT INTO ${schema}.meta (version) VALUES (${SCHEMA_VERSION})
         ON CONFLICT (singleton) DO UPDATE SET version = excluded.version`,
      );
    // Every role may call a new function by default. What else is in the schema is not ours.
    await client.query(filled(`REVOKE ALL ON FUNCTION ${ownFunctions()} FROM PUBLIC`, schema));
    for (const kind of ['workers', 'operators'] as const)
      for (const role of grants[kind]) {
        const quoted = `"${role.replaceAll('"', '""')}"`;
        await client.query(`GRANT USAGE ON SCHEMA ${schema} TO ${quoted}`);
        await client.query(`GRANT EXECUTE ON FUNCTION ${filled(MAY_CALL[kind], schema)} TO ${quoted}`);
      }
    await client.query('COMMIT');
    return found;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {}); // the connection may be what failed; the first error counts
    throw error;
  }
}

async function versionOf(client: PgClient, schema: string): Promise<number> {
  const { rows } = await client.query('SELECT to_regclass($1) IS NOT NULL AS has', [`${schema}.meta`]);
  if (rows[0]?.has !== true) return 0;
  const meta = await client.query(`SELECT version FROM ${schema}.meta`);
  return Number(meta.rows[0]?.version ?? 0);
}

function ownFunctions(): string {
  const made = STEPS.join('').matchAll(/CREATE (?:OR REPLACE )?FUNCTION (\{schema\}\.\w+)/g);
  return [...new Set(Array.from(made, ([, name]) => name))].join(', ');
}

function filled(sql: string, schema: string): string {
  return sql.replaceAll('{schema}', schema).replaceAll('{definer}', DEFINER);
}
