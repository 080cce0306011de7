/** What operators do with a pool: look, retry, discard. Every call of it is one of the SQL functions for operators. */

import { DeferredSweepError, hasCode } from '../errors.ts';
import { restore } from '../value/decode.ts';
import type { ReportedError } from './report.ts';
import { type ConnectionOptions, newClient, type PgClient } from './session/driver.ts';
import { prepare } from './session/prepare.ts';

/** One function, or one dead letter. */
export interface ListedFunction {
  readonly id: number;
  readonly name: string;
  readonly registeredAt: string;
  /** When its next attempt may begin; absent in a dead letter. */
  readonly nextAt?: string;
  readonly delivery: string;
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  readonly attempts: readonly {
    readonly attempt: number;
    readonly runner: string;
    readonly startedAt: string;
    readonly endedAt: string | null;
    readonly error: ReportedError | null;
  }[];
  readonly error?: ReportedError;
  readonly buriedAt?: string;
}

/** One owner and its functions; a dead letter stands alone. */
export interface ListedOwner {
  readonly id: string;
  readonly pool: string;
  /**
   * `live`: its lock is held by its job; `sweeping`: by a sweeper; `suspected`: the lock is free and the grace runs;
   * `orphan`: the lock is free; `dead`: a dead letter.
   */
  readonly state: 'live' | 'sweeping' | 'suspected' | 'orphan' | 'dead';
  readonly owner: { readonly host: string; readonly pid: number; readonly bootId: string | null };
  readonly label: string | null;
  readonly ageMs: number;
  readonly epoch?: number;
  readonly takenBy?: string | null;
  readonly functions: readonly ListedFunction[];
}

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

  /** @throws DeferredSweepError by the codes of `prepare`, `DEFERRED_DATABASE` */
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

  /** Oldest first. */
  async list(): Promise<ListedOwner[]> {
    const { rows } = await this.#client.query(`SELECT entry FROM ${this.#schema}.list_owners($1)`, [
      this.#pool,
    ]);
    const owners = rows.map(row => row.entry as ListedOwner);
    return owners.sort((a, b) => b.ageMs - a.ageMs);
  }

  /** The arguments of a function, or the reason why they cannot be decoded. */
  async argumentsOf(owner: string, id: number): Promise<unknown> {
    const text = `SELECT ${this.#schema}.stored_arguments($1, $2, $3) AS bytes`;
    const { rows } = await this.#client.query(text, [this.#pool, keyOf(owner), id]);
    try {
      return restore(rows[0]?.bytes as Uint8Array);
    } catch (error) {
      if (!hasCode(error, 'DEFERRED_STATE_CORRUPT')) throw error;
      return error.message;
    }
  }

  /** Gives a dead letter all its attempts again. False where there is none. */
  async retry(owner: string, id: number): Promise<boolean> {
    const text = `SELECT ${this.#schema}.retry($1, $2, $3) AS done`;
    const { rows } = await this.#client.query(text, [this.#pool, keyOf(owner), id]);
    return rows[0]?.done === true;
  }

  /** Removes a dead letter, or a function whose owner is gone. */
  async discard(owner: string, id: number): Promise<'ok' | 'missing' | 'held' | 'suspected'> {
    const text = `SELECT ${this.#schema}.discard($1, $2, $3) AS fate`;
    const { rows } = await this.#client.query(text, [this.#pool, keyOf(owner), id]);
    return rows[0]?.fate as 'ok' | 'missing' | 'held' | 'suspected';
  }
}

/** A connection that works. @throws DeferredSweepError `DEFERRED_DATABASE`, `DEFERRED_DRIVER_MISSING` */
export async function connectOnce(connection: ConnectionOptions): Promise<PgClient> {
  const client = await newClient(connection, 'deferred-sweep');
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

/** The key of an id, signed, as text. */
function keyOf(owner: string): string {
  return BigInt.asIntN(64, BigInt(`0x${owner}`)).toString();
}
