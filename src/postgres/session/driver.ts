/** The little of `pg` that is used, and how it is found: an optional peer dependency, loaded only by those who connect. */
import { DeferredSweepError, errorCode } from '../../errors.ts';

/** How to reach the server. Plain data: it goes to another thread. What is left out is taken from `PGHOST`, `PGUSER`, …. */
export interface ConnectionOptions {
  readonly connectionString?: string | undefined;
  /** A host name, an address, or the directory of a Unix socket. */
  readonly host?: string | undefined;
  readonly port?: number | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly database?: string | undefined;
  /** Options of TLS as `tls.connect` takes them, plain data only. */
  readonly ssl?: boolean | Readonly<Record<string, unknown>> | undefined;
}

type Row = Readonly<Record<string, unknown>>;

export interface PgResult<R = Row> {
  readonly rows: readonly R[];
}

export interface PgClient {
  /** What the server, or a pooler in between, called the backend. */
  readonly processID: number | null;
  /** What was given, or found in the environment or the password file. */
  readonly password: unknown;
  readonly host: string;
  readonly port: number;
  /** Whether it sends a statement before the one before is answered. Since 8.23. */
  readonly pipeline?: boolean;
  readonly connection: {
    readonly stream: { destroy(): unknown };
    /** Of a message of the protocol. */
    once(event: string, listener: () => void): unknown;
  };
  connect(): Promise<unknown>;
  query<R = Row>(text: string, values?: readonly unknown[]): Promise<PgResult<R>>;
  setTypeParser(oid: number, parse: (text: string) => unknown): unknown;
  end(): Promise<void>;
  on(event: 'error', listener: (error: Error) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  on(
    event: 'notice',
    listener: (notice: { readonly code?: string; readonly message?: string }) => void,
  ): unknown;
}

type PgClientClass = new (config: Record<string, unknown>) => PgClient;

/** SQLSTATEs. The first is no warning; the last also tells that a role is not there. */
export const SUCCESSFUL_COMPLETION = '00000';
export const INSUFFICIENT_PRIVILEGE = '42501';
export const UNDEFINED_OBJECT = '42704';

/** The OID of this type. */
export const BIGINT = 20;

/** How long a connection may take to be made. */
const CONNECT_MS = 3000;

/**
 * A client that is not connected yet.
 * @throws DeferredSweepError `DEFERRED_DRIVER_MISSING`; `DEFERRED_DATABASE` for options that `pg` does not take
 */
export async function newClient(connection: ConnectionOptions): Promise<PgClient> {
  const Client = await loadClient();
  // The driver would take other texts for the path of a URL, and make up a host.
  if (connection.connectionString && !/^(postgres(ql)?:\/\/|socket:|\/)/.test(connection.connectionString))
    throw notConnected('the connection string is no URL as postgres://USER@HOST/DATABASE', undefined);
  // The driver would look for one host of this name, or say that the URL is none.
  if (/^postgres(ql)?:\/\/[^/?#]*,[^/?#@]*([/?#]|$)/.test(connection.connectionString ?? ''))
    throw severalHosts();
  let client: PgClient;
  try {
    client = new Client({
      ...connection,
      application_name: 'deferred-sweep',
      connectionTimeoutMillis: CONNECT_MS,
      keepAlive: true,
      pipeline: true,
    });
  } catch (error) {
    // A URL that is none. It may hold the password, and is not told.
    throw notConnected(error instanceof Error ? error.message : String(error), undefined);
  }
  if (!client.host.startsWith('/') && client.host.includes(',')) throw severalHosts();
  // Errors of a connection that ends are told by 'end' too; without a listener they would end the process.
  client.on('error', () => {});
  sayPlainly(client);
  return client;
}

function severalHosts(): DeferredSweepError {
  return notConnected('pg takes one host, got several', undefined, 'name one that leads to the primary');
}

/**
 * The driver tells of its own method where the server asks for a password and there is none, not for how long it waited, and
 * nothing where a name has several addresses and none answers.
 */
function sayPlainly(client: PgClient): void {
  let isAsked = false;
  for (const way of ['CleartextPassword', 'MD5Password', 'SASL'])
    client.connection.once(`authentication${way}`, () => {
      isAsked = true;
    });
  const connect = client.connect.bind(client);
  client.connect = async () => {
    try {
      return await connect();
    } catch (error) {
      if (isAsked && !client.password) throw new Error('the server asks for a password, and none is given');
      if (error instanceof Error && error.message === 'timeout expired')
        throw new Error(`${addressOf(client)} did not answer within ${CONNECT_MS} ms`);
      if (error instanceof AggregateError) {
        const message = error.errors.map(reason => (reason as Error).message).join(', ');
        throw Object.assign(new Error(message), { code: errorCode(error) });
      }
      throw error;
    }
  };
}

export function addressOf({ host, port }: PgClient): string {
  return `${host}:${port}`;
}

async function loadClient(): Promise<PgClientClass> {
  // Named by a variable: this package can be type-checked without pg. Its file: where NODE_PG_FORCE_NATIVE is set, `pg` itself
  // gives another client, whose connection cannot be ended at once.
  const name = 'pg/lib/client.js';
  try {
    return ((await import(name)) as { default: PgClientClass }).default;
  } catch (error) {
    if (errorCode(error) !== 'ERR_MODULE_NOT_FOUND') throw error;
    throw new DeferredSweepError(
      'DEFERRED_DRIVER_MISSING',
      "cannot connect to PostgreSQL: the package pg is not installed; run 'npm install pg'",
      { cause: error },
    );
  }
}

/** What to do about a connection that could not be made, by the code of its error. */
const ADVICE: readonly (readonly [code: RegExp, advice: string])[] = [
  [/^53300$/, 'raise max_connections, or the CONNECTION LIMIT that is reached'],
  [/SELF_SIGNED|UNABLE_TO_/, 'name the certificate of its CA by sslrootcert=FILE in the URL'],
  [/^(ERR_TLS|ERR_OSSL|CERT)_/, 'look at the certificates, and at the host name that is connected to'],
];

export function notConnected(reason: string, cause: unknown, advice?: string): DeferredSweepError {
  const [, known] = ADVICE.find(([codes]) => codes.test(errorCode(cause) ?? '')) ?? [];
  const toDo = advice ?? known ?? 'look at the server, the address and the password';
  const text = `cannot connect to PostgreSQL: ${reason}; ${toDo}`;
  return new DeferredSweepError('DEFERRED_DATABASE', text, { cause });
}

/** Ends a connection without waiting for the other side, which may be gone. */
export function abandon(client: PgClient): void {
  client.connection.stream.destroy();
}
