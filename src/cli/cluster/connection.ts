/** Where the cluster store is: the server by the environment, the schema by an option. */
import { DEFAULT_CALL_TIMEOUT_MS, DEFAULT_SCHEMA, schemaName } from '../../postgres/options.ts';
import type { ConnectionOptions } from '../../postgres/session/driver.ts';
import type { Arguments } from '../arguments.ts';
import { orUsageError, UsageError } from '../exit.ts';

/** The connection of the environment. `pg` itself reads PGHOST and the others. */
export function connectionOf(env: NodeJS.ProcessEnv): ConnectionOptions {
  const url = env.DEFERRED_SWEEP_POSTGRES;
  return url ? { connectionString: url } : {};
}

/** How long each answer of the server is waited for. @throws UsageError */
export function callTimeoutOf(line: Arguments): number {
  const ms = line.time('call-timeout') ?? DEFAULT_CALL_TIMEOUT_MS;
  if (ms === 0) throw new UsageError('--call-timeout must be more than 0');
  return ms;
}

/** @throws UsageError */
export function schemaOf(line: Arguments): string {
  const schema = line.text('schema') ?? DEFAULT_SCHEMA;
  orUsageError(() => schemaName(schema));
  return schema;
}
