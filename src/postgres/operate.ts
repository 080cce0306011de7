/** What operators do with a pool: look, retry, discard. Every call of it is one of the SQL functions for operators. */
import { DeferredSweepError } from '../errors.ts';
import { type ListedOwner, listedOwner, type StoredEntry } from './listed-owner.ts';
import { type ConnectionOptions, newClient, type PgClient } from './session/driver.ts';
import { prepare } from './session/prepare.ts';

/** What became of what was to be discarded. `held`: a job or a sweeper has it; `suspected`: its owner may come back. */
export type DiscardFate = 'ok' | 'missing' | 'held' | 'suspected';

/** A connection of an operator. */
export class ClusterOperator {
  readonly #client: PgClient;
  readonly #schema: string;
  readonly #pool: string;

  private constructor(client: PgClient, schema: string, pool: string) {
    this.#client = client;
    this.#schema = schema;
    this.#pool = pool;
  }

  /** @throws DeferredSweepError by the codes of `prepare`, `DEFERRED_DATABASE`, `DEFERRED_DRIVER_MISSING` */
  static async connect(
    connection: ConnectionOptions,
    schema: string,
    pool: string,
  ): Promise<ClusterOperator> {
    const client = await connectOnce(connection);
    try {
      await prepare(client, schema);
    } catch (error) {
      await client.end();
      throw error;
    }
    return new ClusterOperator(client, schema, pool);
  }

  async end(): Promise<void> {
    await this.#client.end();
  }

  /** Oldest first, dead letters last. */
  async list(): Promise<ListedOwner[]> {
    const { rows } = await this.#client.query(`SELECT entry FROM ${this.#schema}.list_owners($1)`, [
      this.#pool,
    ]);
    const owners = rows.map(row => listedOwner(row.entry as StoredEntry));
    return owners.sort(inOrder);
  }

  /** Gives a dead letter all its attempts again. False where there is none. */
  async retry(owner: string, id: number): Promise<boolean> {
    const text = `SELECT ${this.#schema}.retry($1, $2, $3) AS done`;
    const { rows } = await this.#client.query(text, [this.#pool, keyOf(owner), id]);
    return rows[0]?.done === true;
  }

  /** Removes a dead letter, or a function whose owner is gone. */
  async discard(owner: string, id: number): Promise<DiscardFate> {
    const text = `SELECT ${this.#schema}.discard($1, $2, $3) AS fate`;
    const { rows } = await this.#client.query(text, [this.#pool, keyOf(owner), id]);
    return rows[0]?.fate as DiscardFate;
  }
}

/** A connection that works. @throws DeferredSweepError `DEFERRED_DATABASE`, `DEFERRED_DRIVER_MISSING` */
export async function connectOnce(connection: ConnectionOptions): Promise<PgClient> {
  const client = await newClient(connection);
  try {
    await client.connect();
  } catch (error) {
    const reason = error instanceof Error ? error.message || error.name : String(error);
    throw new DeferredSweepError('DEFERRED_DATABASE', `cannot connect to PostgreSQL: ${reason}`, {
      cause: error,
    });
  }
  return client;
}

/** The key of an owner's id, signed, as text. */
function keyOf(owner: string): string {
  return BigInt.asIntN(64, BigInt(`0x${owner}`)).toString();
}

/** Dead letters of one owner are as old as it: by their numbers. */
function inOrder(a: ListedOwner, b: ListedOwner): number {
  const byKind = Number(a.state === 'dead') - Number(b.state === 'dead');
  const number = ({ functions }: ListedOwner): number => functions[0]?.id ?? 0;
  return byKind || b.ageMs - a.ageMs || number(a) - number(b);
}
