import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';
import type { TestContext } from 'node:test';
import type { PostgresServer } from './server.ts';

interface Pair {
  readonly client: Socket;
  readonly server: Socket;
  dropsAnswers: boolean;
  isFrozen: boolean;
}

/** Where a proxy connects to. */
export type Target = Pick<PostgresServer, 'address' | 'port'>;

/** Stands between clients and a server, and does to their connections what networks do. */
export class TcpProxy {
  readonly #server: Server;
  /** Where new connections go. */
  target: Target;
  readonly #pairs = new Set<Pair>();
  /** New connections are refused while it is true. */
  isDown = false;
  /** What clients get in place of what the server sent. */
  alterAnswer: (data: Buffer) => Buffer = data => data;

  private constructor(server: Server, target: Target) {
    this.#server = server;
    this.target = target;
    server.on('connection', client => this.#join(client));
  }

  static async start(t: TestContext, target: Target): Promise<TcpProxy> {
    const server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
    const proxy = new TcpProxy(server, target);
    t.after(() => {
      proxy.cut();
      server.close();
    });
    return proxy;
  }

  url(user = 'worker'): string {
    const { port } = this.#server.address() as { port: number };
    return `postgres://${user}@127.0.0.1:${port}/postgres`;
  }

  /** From now on, what the server answers on the connections of now is lost. */
  dropAnswers(): void {
    for (const pair of this.#pairs) pair.dropsAnswers = true;
  }

  /** From now on nothing goes either way on the connections of now, nor is an end told: a cut cable. */
  freeze(): void {
    for (const pair of this.#pairs) {
      pair.isFrozen = true;
      pair.client.pause();
      pair.server.pause();
    }
  }

  /** Ends the connections of now on both sides. */
  cut(): void {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
  }

  #join(client: Socket): void {
    if (this.isDown) {
      client.destroy();
      return;
    }
    const server = connect(this.target.port, this.target.address);
    const pair: Pair = { client, server, dropsAnswers: false, isFrozen: false };
    this.#pairs.add(pair);
    client.on('data', data => server.write(data));
    server.on('data', data => {
      if (!pair.dropsAnswers) client.write(this.alterAnswer(data));
    });
    for (const [one, other] of [
      [client, server],
      [server, client],
    ] as const) {
      one.on('error', () => {}); // told by 'close'
      one.on('close', () => {
        if (!pair.isFrozen) other.destroy();
        this.#pairs.delete(pair);
      });
    }
  }
}
