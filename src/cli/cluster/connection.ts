/** Where the cluster store is: the server by the environment, the schema by an option. */
import { DEFAULT_SCHEMA, schemaName } from '../../postgres/options.ts';
import type { ConnectionOptions } from '../../postgres/session/driver.ts';
import type { Arguments } from '../arguments.ts';
import { orUsageError } from '../exit.ts';

/** The connection of the environment. `pg` itself reads PGHOST and the others. */
export function connectionOf(env: NodeJS.ProcessEnv): ConnectionOptions {
  const url = env.DEFERRED_SWEEP_POSTGRES;
  return url ? { connectionString: url } : {};
}

/** The name of a schema that can be. @throws UsageError */
export function schemaOf(line: Arguments): string {
  const schema = line.text('schema') ?? DEFAULT_SCHEMA;
  orUsageError(() => schemaName(schema));
  return schema;
}
