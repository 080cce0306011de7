/** Each call of a session as SQL: pure, but for the query. */
import type { PgClient } from './driver.ts';
import type { Calls, EndedAttempt, Fate, Orphan, StartedAttempt } from './messages.ts';

/** Which session of which epoch speaks. */
export interface Hold {
  readonly epoch: number;
  readonly attachment: number;
}

/** What a fenced call answers. `stale`: the server knows a later session of the same owner. */
export type ServerStanding = 'ok' | 'fenced' | 'stale';

/** What became of one owner whose session was lost. */
interface Reattached {
  readonly key: string;
  readonly status: 'ok' | 'contended' | 'fenced';
  readonly attachment: number;
}

type Row = Readonly<Record<string, unknown>>;

function holdOf({ epoch, attachment }: Row): Hold {
  return { epoch: Number(epoch), attachment: Number(attachment) };
}

/** The calls of one schema. */
export class ServerCalls {
  readonly #schema: string;

  constructor(schema: string) {
    this.#schema = schema;
  }

  async openOwner(
    client: PgClient,
    asked: Calls['openOwner']['request'],
  ): Promise<Hold & { readonly key: string }> {
    const { pool, label, host, pid, bootId, order, graceMs, restartGraceMs } = asked;
    const values = [pool, label, host, pid, bootId, order, graceMs, restartGraceMs];
    const opened = await this.#row(client, 'open_owner', values);
    return { key: String(opened.lock_key), ...holdOf(opened) };
  }

  async register(client: PgClient, hold: Hold, asked: Calls['register']['request']): Promise<ServerStanding> {
    const { key, ids, handlers, delivery, timeoutMs, maxAttempts } = asked;
    const args = asked.arguments.map(bytes => Buffer.from(bytes));
    const values = [key, hold.epoch, hold.attachment, ids, handlers, args, delivery, timeoutMs, maxAttempts];
    return (await this.#row(client, 'register', values)).result as ServerStanding;
  }

  async cancel(
    client: PgClient,
    hold: Hold,
    { key, id }: Calls['cancel']['request'],
  ): Promise<ServerStanding> {
    const { result } = await this.#row(client, 'cancel', [key, hold.epoch, hold.attachment, id]);
    return result as ServerStanding;
  }

  /** One round trip for the end of an attempt and the start of the next: the functions run in this order. */
  async next(
    client: PgClient,
    hold: Hold,
    asked: Calls['next']['request'],
  ): Promise<Omit<Calls['next']['answer'], 'standing'> & { readonly standing: ServerStanding }> {
    const { key, ended, call, runner, handlers, after, retryDelayMs } = asked;
    const values = [key, hold.epoch, hold.attachment, call, runner, handlers, after];
    const got = ended
      ? await this.#endAndStart(client, values, [...endValues(ended), retryDelayMs])
      : await this.#row(client, 'start_attempt', values);
    return {
      fate: ended ? (got.fate as Fate) : null,
      standing: got.status as ServerStanding,
      started: got.id === null ? null : startedAttempt(got),
      buried: (got.buried ?? []) as Calls['next']['answer']['buried'],
    };
  }

  async #endAndStart(client: PgClient, start: readonly unknown[], end: readonly unknown[]): Promise<Row> {
    // The start takes an argument from the end, so the attempt has ended before the next is looked for.
    const after = 'CASE WHEN e.fate IS NOT NULL THEN $7::bigint END';
    const { rows } = await client.query(
      `SELECT s.*, e.fate FROM ${this.#schema}.end_attempt($1, $8, $9, $10, $11) AS e (fate),
         LATERAL ${this.#schema}.start_attempt($1, $2, $3, $4, $5, $6, ${after}) s`,
      [...start, ...end],
    );
    return rows[0] ?? {};
  }

  async end(client: PgClient, { key, ended, retryDelayMs }: Calls['end']['request']): Promise<Fate> {
    const values = [key, ...endValues(ended), retryDelayMs];
    return (await this.#row(client, 'end_attempt', values)).result as Fate;
  }

  async orphans(client: PgClient, asked: Calls['orphans']['request']): Promise<readonly Orphan[]> {
    const rows = await this.#rows(client, 'orphans', [asked.pool, asked.handlers, asked.limit]);
    return rows.map(found => ({ key: String(found.lock_key), ...holdOf(found) }));
  }

  async takeOver(
    client: PgClient,
    { orphan, by, graceMs, restartGraceMs }: Calls['takeOver']['request'],
  ): Promise<{ readonly hold: Hold; readonly answer: NonNullable<Calls['takeOver']['answer']> } | null> {
    const values = [orphan.key, orphan.epoch, orphan.attachment, by, graceMs, restartGraceMs];
    const [taken] = await this.#rows(client, 'take_over', values);
    if (taken === undefined) return null;
    const hold = holdOf(taken);
    return {
      hold,
      answer: {
        epoch: hold.epoch,
        label: taken.label as string | null,
        host: String(taken.host),
        pid: Number(taken.pid),
        bootId: taken.boot_id as string | null,
      },
    };
  }

  /** All in one round trip: their grace runs, and the way may be long. */
  async reattach(
    client: PgClient,
    owners: readonly (readonly [key: string, hold: Hold])[],
  ): Promise<readonly Reattached[]> {
    const { rows } = await client.query(
      `SELECT c.lock_key::text AS key, r.* FROM unnest($1::bigint[], $2::bigint[]) AS c (lock_key, epoch),
         LATERAL ${this.#schema}.reattach(c.lock_key, c.epoch) r`,
      [owners.map(([key]) => key), owners.map(([, { epoch }]) => epoch)],
    );
    return rows.map(({ key, status, attachment }) => ({
      key: String(key),
      status: status as Reattached['status'],
      attachment: Number(attachment),
    }));
  }

  async retire(
    client: PgClient,
    hold: Hold,
    key: string,
  ): Promise<{ readonly status: ServerStanding; readonly pending: number }> {
    const { status, pending } = await this.#row(client, 'retire', [key, hold.epoch, hold.attachment]);
    return { status: status as ServerStanding, pending: Number(pending ?? 0) };
  }

  async #row(client: PgClient, fn: string, values: readonly unknown[]): Promise<Row> {
    const [row] = await this.#rows(client, fn, values);
    return row ?? {};
  }

  /** What an SQL function returns; a single value is in `result`. */
  async #rows(client: PgClient, fn: string, values: readonly unknown[]): Promise<readonly Row[]> {
    const parameters = values.map((_, index) => `$${index + 1}`);
    const text = `SELECT * FROM ${this.#schema}.${fn}(${parameters.join(', ')}) AS result`;
    return (await client.query(text, values)).rows;
  }
}

function endValues({ id, attempt, error }: EndedAttempt): unknown[] {
  return [id, attempt, error === null ? null : JSON.stringify(error, storable)];
}

/** PostgreSQL's jsonb knows neither U+0000 nor halves of a surrogate pair. */
function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value;
}

function startedAttempt(got: Row): StartedAttempt {
  return {
    id: Number(got.id),
    handler: String(got.handler),
    arguments: got.arguments as Uint8Array,
    attempt: Number(got.attempt),
    timeoutMs: Number(got.timeout_ms),
    registeredAt: got.registered_at as Date,
  };
}
