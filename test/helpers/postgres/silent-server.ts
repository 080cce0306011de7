import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import type { TestContext } from 'node:test';

/** Takes connections of clients of PostgreSQL, and never answers. */
export interface SilentServer {
  readonly port: number;
  /** The first connection. */
  readonly connected: Promise<unknown>;
}

export async function silentServer(t: TestContext): Promise<SilentServer> {
  const server = createServer().listen(0, '127.0.0.1');
  server.on('connection', (socket: Socket) => t.after(() => socket.destroy()));
  t.after(() => server.close());
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  return { port, connected: once(server, 'connection') };
}
