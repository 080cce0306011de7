/** `cluster migrate`. */
import { connectOnce } from '../../postgres/operate.ts';
import { schemaName } from '../../postgres/options.ts';
import { migrate, SCHEMA_VERSION } from '../../postgres/schema/migrate.ts';
import { EXIT_DONE } from '../exit.ts';
import { print } from '../output/output.ts';
import { type ClusterLine, connectionOf } from './arguments.ts';

/** @throws DeferredSweepError; what the server refuses */
export async function runMigrate(line: ClusterLine): Promise<number> {
  const client = await connectOnce(connectionOf(process.env));
  try {
    const found = await migrate(client, schemaName(line.schema), line);
    print(
      found === SCHEMA_VERSION
        ? `schema ${line.schema} has version ${found} already\n`
        : `schema ${line.schema}: version ${found} to ${SCHEMA_VERSION}\n`,
    );
    return EXIT_DONE;
  } finally {
    await client.end();
  }
}
