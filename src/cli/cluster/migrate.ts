/** `cluster migrate`. */
import { connectOnce } from '../../postgres/operate.ts';
import { schemaName } from '../../postgres/options.ts';
import { migrate, SCHEMA_VERSION } from '../../postgres/schema/migrate.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE } from '../exit.ts';
import { print } from '../output/output.ts';
import { connectionOf, schemaOf } from './connection.ts';

/** @throws DeferredSweepError; what the server refuses; UsageError */
export async function runMigrate(line: Arguments): Promise<number> {
  const schema = schemaOf(line);
  const roles = { workers: line.texts('worker'), operators: line.texts('operator') };
  const client = await connectOnce(connectionOf(process.env));
  try {
    const found = await migrate(client, schemaName(schema), roles);
    print(
      found === SCHEMA_VERSION
        ? `schema ${schema} has version ${found} already\n`
        : `schema ${schema}: version ${found} to ${SCHEMA_VERSION}\n`,
    );
    return EXIT_DONE;
  } finally {
    await client.end();
  }
}
