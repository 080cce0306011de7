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

async function row(
  client: PgClient,
  text: string,
  values: readonly unknown[],
): Promise<Record<string, unknown>> {
  const { rows } = await client.query(text, values);
  return rows[0] ?? {};
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
    const opened = await row(
      client,
      `SELECT * FROM ${this.#schema}.open_owner($1, $2, $3, $4, $5, $6, $7, $8)`,
      [
        asked.pool,
        asked.label,
        asked.host,
        asked.pid,
        asked.bootId,
        asked.order,
        asked.graceMs,
        asked.restartGraceMs,
      ],
    );
    return {
      key: String(opened.lock_key),
      epoch: Number(opened.epoch),
      attachment: Number(opened.attachment),
    };
  }

  async register(client: PgClient, hold: Hold, asked: Calls['register']['request']): Promise<ServerStanding> {
    const { status } = await row(
      client,
      `SELECT ${this.#schema}.register($1, $2, $3, $4, $5, $6, $7, $8, $9) AS status`,
      [
        asked.key,
        hold.epoch,
        hold.attachment,
        asked.ids,
        asked.handlers,
        asked.arguments.map(bytes => Buffer.from(bytes)),
        asked.delivery,
        asked.timeoutMs,
        asked.maxAttempts,
      ],
    );
    return status as ServerStanding;
  }

  async cancel(client: PgClient, hold: Hold, asked: Calls['cancel']['request']): Promise<ServerStanding> {
    const { status } = await row(client, `SELECT ${this.#schema}.cancel($1, $2, $3, $4) AS status`, [
      asked.key,
      hold.epoch,
      hold.attachment,
      asked.id,
    ]);
    return status as ServerStanding;
  }

  /** One round trip for the end of an attempt and the start of the next: the functions run in this order. */
  async next(
    client: PgClient,
    hold: Hold,
    asked: Calls['next']['request'],
  ): Promise<Omit<Calls['next']['answer'], 'standing'> & { readonly standing: ServerStanding }> {
    const { key, ended } = asked;
    const values = [key, hold.epoch, hold.attachment, asked.call, asked.runner, asked.handlers, asked.after];
    const start = `${this.#schema}.start_attempt($1, $2, $3, $4, $5, $6, $7)`;
    const got = ended
      ? // The start takes an argument from the end, so the attempt has ended before the next is looked for.
        await row(
          client,
          `SELECT s.*, e.fate FROM ${this.#schema}.end_attempt($1, $8, $9, $10, $11) AS e (fate),
             LATERAL ${start.replace('$7', 'CASE WHEN e.fate IS NOT NULL THEN $7::bigint END')} s`,
          [...values, ...endValues(ended), asked.retryDelayMs],
        )
      : await row(client, `SELECT s.* FROM ${start} s`, values);
    return {
      fate: ended ? (got.fate as Fate) : null,
      standing: got.status as ServerStanding,
      started: got.id === null ? null : startedAttempt(got),
      buried: (got.buried ?? []) as Calls['next']['answer']['buried'],
    };
  }

  async end(client: PgClient, { key, ended, retryDelayMs }: Calls['end']['request']): Promise<Fate> {
    const { fate } = await row(client, `SELECT ${this.#schema}.end_attempt($1, $2, $3, $4, $5) AS fate`, [
      key,
      ...endValues(ended),
      retryDelayMs,
    ]);
    return fate as Fate;
  }

  async orphans(client: PgClient, asked: Calls['orphans']['request']): Promise<readonly Orphan[]> {
    const { rows } = await client.query(`SELECT * FROM ${this.#schema}.orphans($1, $2, $3)`, [
      asked.pool,
      asked.handlers,
      asked.limit,
    ]);
    return rows.map(found => ({
      key: String(found.lock_key),
      epoch: Number(found.epoch),
      attachment: Number(found.attachment),
    }));
  }

  async takeOver(
    client: PgClient,
    { orphan, by, graceMs, restartGraceMs }: Calls['takeOver']['request'],
  ): Promise<{ readonly hold: Hold; readonly answer: NonNullable<Calls['takeOver']['answer']> } | null> {
    const { rows } = await client.query(`SELECT * FROM ${this.#schema}.take_over($1, $2, $3, $4, $5, $6)`, [
      orphan.key,
      orphan.epoch,
      orphan.attachment,
      by,
      graceMs,
      restartGraceMs,
    ]);
    const taken = rows[0];
    if (taken === undefined) return null;
    const epoch = Number(taken.epoch);
    return {
      hold: { epoch, attachment: Number(taken.attachment) },
      answer: {
        epoch,
        label: taken.label as string | null,
        host: String(taken.host),
        pid: Number(taken.pid),
        bootId: taken.boot_id as string | null,
      },
    };
  }

  async reattach(
    client: PgClient,
    key: string,
    epoch: number,
  ): Promise<{ readonly status: 'ok' | 'contended' | 'fenced'; readonly attachment: number }> {
    const { status, attachment } = await row(client, `SELECT * FROM ${this.#schema}.reattach($1, $2)`, [
      key,
      epoch,
    ]);
    return { status: status as 'ok' | 'contended' | 'fenced', attachment: Number(attachment) };
  }

  async retire(
    client: PgClient,
    hold: Hold,
    key: string,
  ): Promise<{ readonly status: ServerStanding; readonly pending: number }> {
    const { status, pending } = await row(client, `SELECT * FROM ${this.#schema}.retire($1, $2, $3)`, [
      key,
      hold.epoch,
      hold.attachment,
    ]);
    return { status: status as ServerStanding, pending: Number(pending ?? 0) };
  }
}

function endValues({ id, attempt, error }: EndedAttempt): unknown[] {
  return [id, attempt, error === null ? null : JSON.stringify(error, storable)];
}

/** PostgreSQL's jsonb knows neither U+0000 nor halves of a surrogate pair. */
function storable(_key: string, value: unknown): unknown {
  return typeof value === 'string' ? value.toWellFormed().replaceAll('\0', '\ufffd') : value;
}

function startedAttempt(got: Record<string, unknown>): StartedAttempt {
  return {
    id: Number(got.id),
    handler: String(got.handler),
    arguments: got.arguments as Uint8Array,
    attempt: Number(got.attempt),
    timeoutMs: Number(got.timeout_ms),
    registeredAt: got.registered_at as Date,
  };
}
