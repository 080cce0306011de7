/** Drops a database, also one that is in use. The server is named by the environment, which keeps passwords out of files. */
import pg from 'pg';

export async function dropDatabase(name) {
  const client = new pg.Client();
  await client.connect();
  try {
    await client.query(`DROP DATABASE IF EXISTS ${client.escapeIdentifier(name)} WITH (FORCE)`);
  } finally {
    await client.end();
  }
}
