import { after, before } from 'node:test';
import { PostgresServer, type ServerOptions, skipPostgres } from './server.ts';

/** Starts a migrated server before the tests of a file, hands it over, and ends it after them. */
export function sharedServer(
  take: (server: PostgresServer) => void,
  options: ServerOptions = {},
  skip: string | false = skipPostgres,
): void {
  let server: PostgresServer | undefined;
  before(async () => {
    if (skip) return;
    server = await PostgresServer.start(options);
    take(server);
    await server.migrate();
  });
  after(() => server?.end());
}
