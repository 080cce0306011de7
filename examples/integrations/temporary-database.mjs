/**
 * A database for one run, dropped at its end, or by the next sweep: PGHOST=… PGUSER=… node temporary-database.mjs BASE
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { DeferredFunctionManager } from 'deferred-sweep';
import pg from 'pg';
import { dropDatabase } from './drop-database.mjs';

// The sweeper may have another environment: these variables are stored with the function.
const manager = new DeferredFunctionManager(process.argv[2], {
  env: ['PGHOST', 'PGPORT', 'PGUSER', 'PGDATABASE'],
});

await manager.run(async defer => {
  const database = `scratch_${randomUUID().replaceAll('-', '')}`;
  defer(dropDatabase, database);
  await query(undefined, `CREATE DATABASE ${database}`);
  await query(database, 'CREATE TABLE answers AS SELECT 42 AS answer');
  console.log(`database ${database}`);
  await once(process.stdin.resume(), 'end'); // the long part of the work
});
await manager.close();

async function query(database, text) {
  const client = new pg.Client(database === undefined ? {} : { database });
  await client.connect();
  await client.query(text).finally(() => client.end());
}
