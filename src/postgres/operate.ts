/** What operators do with a pool, by the SQL functions for operators. */
import { DeferredSweepError } from '../errors.ts';
import type { ClusterLetterReport, MeantFunction } from './letters.ts';
import { addRow, type ListedOwner, type OwnerList, type StoredRow } from './listed-owner.ts';
import {
  abandon,
  addressOf,
  type ConnectionOptions,
  INSUFFICIENT_PRIVILEGE,
  newClient,
  notConnected,
  type PgClient,
  type PgResult,
  UNDEFINED_OBJECT,
} from './session/driver.ts';
import { endClient, withinPatience } from './session/patience.ts';
import { isStatementError, prepare } from './session/prepare.ts';

const LISTING: Advice = { forbidden: "run 'deferred-sweep cluster migrate' with --operator ROLE" };
const CHANGING: Advice = {
  ...LISTING,
  unanswered: "look with 'deferred-sweep cluster list', then try again",
};

/** A MiB as a rule: arguments are listed up to 4 KiB, errors of each attempt up to 64 KiB. */
const ROWS_AT_ONCE = 200;

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
    callTimeoutMs: number,
  ): Promise<ClusterOperator> {
    const client = await connectOnce(connection, callTimeoutMs);
    try {
      await prepare(client, schema);
    } catch (error) {
      await endClient(client);
      if (error instanceof DeferredSweepError) throw error;
      throw notDone('use the PostgreSQL server', error, LISTING);
    }
    return new ClusterOperator(client, schema, pool);
  }

  async end(): Promise<void> {
    await endClient(this.#client);
  }

  /** Oldest first, dead letters last. The state of one moment, read in parts: each is an answer. */
  async list(): Promise<ListedOwner[]> {
    const ask = (text: string, values?: readonly unknown[]): Promise<PgResult['rows']> =>
      this.#ask(`list pool ${this.#pool}`, LISTING, text, values);
    // Its locks end before anything is read: sweepers do not wait for a reader that is slow, or stopped.
    await ask(`SELECT ${this.#schema}.suspect_free($1)`, [this.#pool]);
    await ask('BEGIN READ ONLY');
    try {
      const listed = `SELECT entry, stored FROM ${this.#schema}.list_owners($1)`;
      await ask(`DECLARE listed CURSOR FOR ${listed}`, [this.#pool]);
      const owners: OwnerList = [];
      for (;;) {
        const rows = await ask(`FETCH ${ROWS_AT_ONCE} FROM listed`);
        for (const row of rows) addRow(owners, row as unknown as StoredRow);
        if (rows.length < ROWS_AT_ONCE) return owners;
      }
    } finally {
      await this.#client.query('ROLLBACK').catch(() => {}); // the connection may be what failed; the first error counts
    }
  }

  /**
   * Gives a dead letter all its attempts again; removes a dead letter, or a function whose owner is gone.
   * @throws DeferredSweepError `DEFERRED_DATABASE` where nothing was done, `DEFERRED_UNCERTAIN`
   */
  async change(verb: 'retry' | 'discard', { id, name }: MeantFunction): Promise<ClusterLetterReport> {
    const [owner, number] = id.split('.');
    const text = `SELECT ${this.#schema}.${verb}($1, $2, $3) AS outcome`;
    const values = [this.#pool, BigInt.asIntN(64, BigInt(`0x${owner}`)), number];
    const [row] = await this.#ask(`${verb} ${id}`, CHANGING, text, values);
    return { id, name, outcome: row!.outcome as ClusterLetterReport['outcome'] };
  }

  async #ask(
    what: string,
    advice: Advice,
    text: string,
    values?: readonly unknown[],
  ): Promise<PgResult['rows']> {
    try {
      return (await this.#client.query(text, values)).rows;
    } catch (error) {
      throw notDone(what, error, advice);
    }
  }
}

/**
 * A connection that works. A statement that is not answered within `callTimeoutMs` rejects, and ends the connection.
 * @throws DeferredSweepError `DEFERRED_DATABASE`, `DEFERRED_DRIVER_MISSING`
 */
export async function connectOnce(connection: ConnectionOptions, callTimeoutMs: number): Promise<PgClient> {
  const client = await newClient(connection);
  const inTime = <T>(work: Promise<T>): Promise<T> =>
    withinPatience(work, callTimeoutMs, what => {
      // What comes after would wait behind what is not answered.
      abandon(client);
      return new Error(`${addressOf(client)} ${what}`);
    });
  try {
    await inTime(client.connect());
  } catch (error) {
    abandon(client);
    throw notConnected(error instanceof Error ? error.message || error.name : String(error), error);
  }
  let lost: Error | undefined;
  client.on('error', error => {
    lost ??= error;
  });
  const query = client.query.bind(client);
  client.query = async (text, values) => {
    if (lost !== undefined) throw new NotSent(`the connection was lost before (${lost.message})`);
    return await inTime(query(text, values));
  };
  return client;
}

/** A statement that the server cannot have got. */
class NotSent extends Error {}

/** What people can do about a statement that failed. */
interface Advice {
  /** Where the server may have done it. Absent: it changes nothing. */
  readonly unanswered?: string;
  readonly forbidden: string;
  /** Where something that it names is not there. */
  readonly missing?: string;
}

/** The error of what was asked for. A server that refuses has done nothing; one that does not answer may have. */
export function notDone(what: string, error: unknown, advice: Advice): DeferredSweepError {
  const cause = { cause: error };
  const reason = `cannot ${what}: ${error instanceof Error ? error.message : String(error)}`;
  if (isStatementError(error)) {
    let more: string | undefined;
    if (error.code === INSUFFICIENT_PRIVILEGE) more = advice.forbidden;
    if (error.code === UNDEFINED_OBJECT) more = advice.missing;
    return new DeferredSweepError('DEFERRED_DATABASE', more ? `${reason}; ${more}` : reason, cause);
  }
  if (advice.unanswered === undefined || error instanceof NotSent)
    return new DeferredSweepError('DEFERRED_DATABASE', `${reason}; look at the server, and try again`, cause);
  const text = `${reason}; it may be done all the same: ${advice.unanswered}`;
  return new DeferredSweepError('DEFERRED_UNCERTAIN', text, cause);
}
