/** Options of a cluster manager, and how they are checked. */
import { type Resolvers, requireKnown, resolveEach } from '../known-options.ts';
import type { Delivery, RunOrder } from '../log/records.ts';
import { shown } from '../printable.ts';
import type { Logger } from '../report/logger.ts';
import { milliseconds, oneOf, positiveInteger, resolveLogger } from '../sweep/options.ts';
import type { ConnectionOptions } from './session/driver.ts';

/** What `deferred-sweep cluster migrate` makes unless told otherwise. */
export const DEFAULT_SCHEMA = 'deferred_sweep';

export const DEFAULT_CALL_TIMEOUT_MS = 30_000;

/** Any function that can be a handler. */
// biome-ignore lint/suspicious/noExplicitAny: only `any` lets every parameter list through; the parameters are checked.
export type Handler = (...args: any[]) => unknown;

/**
 * The functions that can be deferred, by name. The name is what is stored: give a changed meaning a new one
 * (`terminateVm@2`), and keep the old one as long as functions of it may be left.
 */
export type Handlers = Readonly<Record<string, Handler>>;

/** How a cluster manager works. Times are in milliseconds. */
export interface ClusterOptions<H extends Handlers> {
  /** A URL or options of `pg`, plain data only. @defaultValue the environment: `PGHOST`, `PGUSER`, … */
  connection?: string | ConnectionOptions | undefined;
  /** Owners and sweepers of one pool clean up for each other. */
  pool: string;
  handlers: H;
  /** The schema that `deferred-sweep cluster migrate` made. @defaultValue 'deferred_sweep' */
  schema?: string | undefined;
  /** For people: which job this is. */
  label?: string | undefined;
  /** How long an owner without a session may still come back. @defaultValue 3000 */
  graceMs?: number | undefined;
  /** The same after a restart, crash or failover of the server, which ends all sessions. @defaultValue 15000, or graceMs if that is more */
  restartGraceMs?: number | undefined;
  /** Time limit of each function; 0 is none. @defaultValue 60000 */
  timeoutMs?: number | undefined;
  /** How long a function may still take after its signal was aborted, before it is no longer waited for. @defaultValue 5000 */
  killGraceMs?: number | undefined;
  /** Attempts a function has, over all processes. @defaultValue 6 */
  maxAttempts?: number | undefined;
  /** From a failed attempt to the next, doubled each time. @defaultValue 10000 */
  retryDelayMs?: number | undefined;
  /** `'at-most-once'` gives a function one attempt; `maxAttempts` does not count. @defaultValue 'at-least-once' */
  delivery?: Delivery | undefined;
  /** @defaultValue 'fifo' */
  order?: RunOrder | undefined;
  /** How long a call waits for the server, reconnecting included, before it rejects. @defaultValue 30000 */
  callTimeoutMs?: number | undefined;
  /** Told what went wrong; `null` for silence. @defaultValue warnings on standard error */
  logger?: Logger | null | undefined;
}

type AnyOptions = ClusterOptions<Handlers>;

export type ResolvedClusterOptions = {
  readonly [Each in Exclude<keyof AnyOptions, 'connection' | 'label'>]-?: NonNullable<AnyOptions[Each]>;
} & { readonly connection: ConnectionOptions; readonly label: string | null };

/** PostgreSQL's integer ends here. */
const MOST_ATTEMPTS = 2 ** 31 - 1;

const OPTIONS: Resolvers<AnyOptions, ResolvedClusterOptions, keyof ResolvedClusterOptions> = {
  connection: checkedConnection,
  pool: poolName,
  handlers: checkedHandlers,
  schema: value => schemaName(value ?? DEFAULT_SCHEMA),
  label: value => (value === undefined ? null : text('label', value)),
  graceMs: value => wholeMilliseconds('graceMs', value ?? 3000),
  restartGraceMs: value => wholeMilliseconds('restartGraceMs', value ?? 15_000),
  timeoutMs: value => wholeMilliseconds('timeoutMs', value ?? 60_000),
  killGraceMs: value => wholeMilliseconds('killGraceMs', value ?? 5000),
  maxAttempts: value => Math.min(positiveInteger('maxAttempts', value ?? 6), MOST_ATTEMPTS),
  retryDelayMs: value => wholeMilliseconds('retryDelayMs', value ?? 10_000),
  delivery: value => oneOf('delivery', value ?? 'at-least-once', ['at-least-once', 'at-most-once']),
  order: value => oneOf('order', value ?? 'fifo', ['fifo', 'lifo']),
  callTimeoutMs: value => positiveMilliseconds('callTimeoutMs', value ?? DEFAULT_CALL_TIMEOUT_MS),
  logger: resolveLogger,
};

/** @throws TypeError or RangeError naming an option that is unknown, or whose value it does not take */
export function resolveClusterOptions(options: AnyOptions): ResolvedClusterOptions {
  requireKnown(options, Object.keys(OPTIONS));
  const resolved = resolveEach(OPTIONS, options);
  const { graceMs, delivery, maxAttempts } = resolved;
  let { restartGraceMs } = resolved;
  if (options.restartGraceMs === undefined) restartGraceMs = Math.max(restartGraceMs, graceMs);
  if (restartGraceMs < graceMs)
    throw new RangeError(
      `option "restartGraceMs" must not be less than "graceMs" (${graceMs}), got ${restartGraceMs}`,
    );
  return { ...resolved, restartGraceMs, maxAttempts: delivery === 'at-most-once' ? 1 : maxAttempts };
}

/** The server counts in whole ones. */
function wholeMilliseconds(option: string, value: number): number {
  return Math.ceil(milliseconds(option, value));
}

/** No call is answered at once, so 0 would refuse each. */
function positiveMilliseconds(option: string, value: number): number {
  const ms = wholeMilliseconds(option, value);
  if (ms > 0) return ms;
  throw new RangeError(`option "${option}" must be more than 0 milliseconds, got ${value}`);
}

function checkedConnection(connection: string | ConnectionOptions | undefined): ConnectionOptions {
  if (connection === undefined) return {};
  if (typeof connection === 'string') return { connectionString: connection };
  if (typeof connection !== 'object' || connection === null)
    throw new TypeError(
      `option "connection" must be a URL or an object of connection options, got ${typeof connection}`,
    );
  try {
    return structuredClone(connection);
  } catch (error) {
    throw new TypeError(
      'option "connection" must be plain data, because it goes to another thread; pass a password as text',
      { cause: error },
    );
  }
}

/** Returns a name that can stand in SQL as it is. @throws TypeError */
export function schemaName(schema: string): string {
  if (typeof schema === 'string' && /^[a-z_][a-z0-9_]{0,62}$/.test(schema)) return `"${schema}"`;
  throw new TypeError(`option "schema" must be a name of small letters, digits and _, got ${shown(schema)}`);
}

export function poolName(pool: unknown): string {
  return text('pool', pool);
}

/** Halves of a surrogate pair would all become one character in the database: two names would be one there. */
function text(option: string, value: unknown): string {
  if (typeof value === 'string' && value !== '' && value.length <= 200 && !/[\0\p{Surrogate}]/u.test(value))
    return value;
  throw new TypeError(
    `option "${option}" must be a text of 1 to 200 characters, without NUL and halves of a surrogate pair, got ${shown(value)}`,
  );
}

function checkedHandlers(handlers: unknown): Handlers {
  if (typeof handlers !== 'object' || handlers === null)
    throw new TypeError(
      `option "handlers" must be an object of functions, got ${handlers === null ? 'null' : typeof handlers}`,
    );
  // Own properties only, and a copy: what a name means does not change while jobs are open.
  const checked = Object.assign(Object.create(null), handlers) as Record<string, unknown>;
  const entries = Object.entries(checked);
  // Methods of a class are not the object's own: it would sweep nothing, and say nothing.
  if (entries.length === 0)
    throw new TypeError('option "handlers" must have a function of its own, got an object without any');
  for (const [name, handler] of entries) {
    text('handlers', name);
    if (typeof handler !== 'function')
      throw new TypeError(`option "handlers" must hold functions, got ${typeof handler} for ${name}`);
  }
  return checked as Handlers;
}
