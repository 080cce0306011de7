/** `cluster migrate`. */
import { DeferredSweepError } from '../../errors.ts';
import { connectOnce, notDone } from '../../postgres/operate.ts';
import { schemaName } from '../../postgres/options.ts';
import { migrate, SCHEMA_VERSION } from '../../postgres/schema/migrate.ts';
import { endClient } from '../../postgres/session/patience.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE } from '../exit.ts';
import { print } from '../output/output.ts';
import { callTimeoutOf, connectionOf, schemaOf } from './connection.ts';

/** @throws DeferredSweepError; what the server refuses; UsageError */
export async function runMigrate(line: Arguments): Promise<number> {
  const schema = schemaOf(line);
  const roles = { workers: line.texts('worker'), operators: line.texts('operator') };
  const client = await connectOnce(connectionOf(process.env), callTimeoutOf(line));
  try {
    const found = await migrate(client, schemaName(schema), roles);
    print(
      found === SCHEMA_VERSION
        ? `schema ${schema} has version ${found} already\n`
        : `schema ${schema}: version ${found} to ${SCHEMA_VERSION}\n`,
    );
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof DeferredSweepError) throw error;
    throw notDone(`migrate schema ${schema}`, error, {
      forbidden: 'run it as the owner of the database',
      missing: 'make it first, by CREATE ROLE',
      unanswered: 'run it again, it does nothing twice',
    });
  } finally {
    await endClient(client);
  }
}
