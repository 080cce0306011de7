/** Each call of a session as SQL. */
import type { PgClient } from './driver.ts';
import type { Calls, EndedAttempt, Fate, Hold, Orphan, StartedAttempt, TakenOwner } from './messages.ts';

/** What a fenced call answers. `stale`: the server knows a later session of the same owner. */
export type ServerStanding = 'ok' | 'fenced' | 'stale';

interface Reattached extends Pick<Orphan, 'key' | 'attachment'> {
  readonly status: 'ok' | 'contended' | 'fenced';
}

interface Next extends Pick<Calls['next']['answer'], 'fate' | 'buried'> {
  readonly status: ServerStanding;
}

/** The row, or rows, of each SQL function. A single value is in `result`. */
interface Returned {
  open_owner: Orphan;
  register: { readonly result: ServerStanding };
  cancel: { readonly result: ServerStanding };
  start_attempt: Next & (StartedAttempt | { readonly id: null });
  end_attempt: { readonly result: Fate };
  orphans: Orphan;
  take_over: TakenOwner & Hold;
  retire: { readonly status: ServerStanding; readonly pending: number };
}

export class ServerCalls {
  readonly #schema: string;

  constructor(schema: string) {
    this.#schema = schema;
  }

  /** What an SQL function returns. What a request names `graceMs` is its parameter `p_grace_ms`. */
  async rows<F extends keyof Returned>(
    client: PgClient,
    fn: F,
    given: object,
  ): Promise<readonly Returned[F][]> {
    const parameters = Object.keys(given).map((name, index) => {
      const parameter = name.replace(/[A-Z]/g, letter => `_${letter.toLowerCase()}`);
      return `p_${parameter} => $${index + 1}`;
    });
    const text = `SELECT * FROM ${this.#schema}.${fn}(${parameters.join(', ')}) AS result`;
    return (await client.query<Returned[F]>(text, Object.values(given))).rows;
  }

  /** The same of one that returns one row. */
  async row<F extends keyof Returned>(client: PgClient, fn: F, given: object): Promise<Returned[F]> {
    return (await this.rows(client, fn, given))[0]!;
  }

  /** All in one round trip: their grace runs, and the way may be long. */
  async reattach(
    client: PgClient,
    owners: readonly (readonly [key: string, hold: Hold])[],
  ): Promise<readonly Reattached[]> {
    const { rows } = await client.query<Reattached>(
      `SELECT c.lock_key::text AS key, r.* FROM unnest($1::bigint[], $2::bigint[]) AS c (lock_key, epoch),
         LATERAL ${this.#schema}.reattach(c.lock_key, c.epoch) r`,
      [owners.map(([key]) => key), owners.map(([, { epoch }]) => epoch)],
    );
    return rows;
  }
}

/** As jsonb, which knows no U+0000. */
export function storable(ended: EndedAttempt | null): string | null {
  const withoutNul = (_key: string, value: unknown): unknown =>
    typeof value === 'string' ? value.replaceAll('\0', '\ufffd') : value;
  return ended && JSON.stringify(ended, withoutNul);
}
