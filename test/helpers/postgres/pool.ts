import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { ClusterManager, type ClusterOptions } from '#dist/postgres/index.js';
import { type Child, startChild } from '../child.ts';
import { freshDirectory } from '../fresh-directory.ts';
import { handlers, type TestHandlers } from './handlers.ts';
import { Ledger } from './ledger.ts';
import type { PostgresServer } from './server.ts';

let pools = 0;

/** A pool of a test's own on a shared server, with a ledger. */
export class Pool {
  readonly name: string = `pool-${pools++}`;
  readonly ledger: Ledger;
  readonly server: PostgresServer;
  readonly #t: TestContext;

  constructor(t: TestContext, server: PostgresServer) {
    this.#t = t;
    this.server = server;
    this.ledger = new Ledger(join(freshDirectory(t), 'ledger'));
  }

  /** A manager in this process, closed at the end of the test. */
  manager(options: Partial<ClusterOptions<TestHandlers>> = {}): ClusterManager<TestHandlers> {
    const manager = new ClusterManager({
      connection: this.server.url('worker'),
      pool: this.name,
      logger: null,
      handlers,
      ...options,
    });
    this.#t.after(() => manager.close());
    return manager;
  }

  /** A worker in a process of its own, its job open. */
  async owner(
    options: Partial<ClusterOptions<TestHandlers>> = {},
    under?: [string, ...string[]],
  ): Promise<Owner> {
    const all = { connection: this.server.url('worker'), pool: this.name, ...options };
    const args = [JSON.stringify({ options: all })];
    const child = startChild(this.#t, 'postgres/owner', { args, ...(under && { under }) });
    const owner = new Owner(child, this);
    owner.id = (await child.next<{ id: string }>()).id;
    return owner;
  }

  /** The pool's owners, as the server has them. */
  async owners(): Promise<readonly Record<string, unknown>[]> {
    return await this.server.sql(
      `SELECT lpad(to_hex(lock_key), 16, '0') AS id, * FROM deferred_sweep.owners WHERE pool = $1`,
      [this.name],
    );
  }
}

/** The next message of this kind; those before it are dropped. */
export async function untilDid<M extends { did: string } = { did: string }>(
  child: Child,
  did: string,
): Promise<M> {
  for (;;) {
    const message = await child.next<M>();
    if (message.did === did) return message;
  }
}

/** A worker in another process. */
export class Owner {
  readonly child: Child;
  readonly #pool: Pool;
  id = '';

  constructor(child: Child, pool: Pool) {
    this.child = child;
    this.#pool = pool;
  }

  /** Registers a call whose first argument is the ledger; its answer. */
  async defer(
    handler: keyof TestHandlers,
    ...args: unknown[]
  ): Promise<{ did: string; id?: number; error?: string }> {
    return await this.child.ask({ do: 'defer', call: [handler, this.#pool.ledger.path, ...args] });
  }

  async cancel(id: number): Promise<{ did: string; was?: boolean; error?: string }> {
    return await this.child.ask({ do: 'cancel', id });
  }
}
