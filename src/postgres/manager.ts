/** The entry to the cluster store: opens jobs, sweeps those of lost processes. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeferredSweepError } from '../errors.ts';
import { requireKnown } from '../known-options.ts';
import { ownIdentity } from '../lock/process-identity.ts';
import { shown } from '../printable.ts';
import { reportError } from '../report/reported-error.ts';
import { unlessAborted } from '../stop.ts';
import { milliseconds } from '../sweep/options.ts';
import { type ClusterDefer, ClusterJob } from './job.ts';
import {
  type ClusterOptions,
  type Handlers,
  type ResolvedClusterOptions,
  resolveClusterOptions,
} from './options.ts';
import { type ClusterReport, logClusterReport, summarizeOwners } from './report.ts';
import { INSUFFICIENT_PRIVILEGE } from './session/driver.ts';
import { CallFailure, Session } from './session/session.ts';
import { sweepPool } from './sweep-pool.ts';

/** How to sweep once. */
export interface ClusterSweepOptions {
  /** Stops the sweep between two functions. */
  signal?: AbortSignal | undefined;
}

/** So that no option makes a loop without a pause. */
const LEAST_INTERVAL_MS = 10;

/** How to watch. */
export interface ClusterWatchOptions {
  /** From the end of a sweep to the next, in milliseconds, at least 10. @defaultValue 1000 */
  intervalMs?: number | undefined;
  /** Ends the watch. */
  signal?: AbortSignal | undefined;
  /** Told of each sweep that ran anything, or went wrong. The watch ends with what it throws, or rejects with. */
  onReport?: ((report: ClusterReport) => void) | undefined;
}

/**
 * Has this process ended where a handler of the manager blocks it. Only for a process that is ours, that of the command line;
 * so it is no option. Called before the manager connects.
 */
export function endBlocked(manager: ClusterManager<Handlers>): void {
  endingBlocked.add(manager);
}

const endingBlocked = new WeakSet<object>();

/**
 * Deferred functions for things that are not tied to a machine, in a PostgreSQL database. One session, in a thread of its
 * own, holds the locks of all jobs of a manager. Constructing one touches nothing; the first use connects.
 */
export class ClusterManager<H extends Handlers> {
  readonly #options: ResolvedClusterOptions;
  readonly #jobs = new Set<ClusterJob<H>>();
  #session: Promise<Session> | undefined;
  #sweeping: Promise<unknown> = Promise.resolve();
  #closing: Promise<void> | undefined;
  readonly #closed = new AbortController();
  /** Of the server, once it is known. */
  #address = 'PostgreSQL';

  /** @throws TypeError or RangeError for a value an option does not take */
  constructor(options: ClusterOptions<H>) {
    this.#options = resolveClusterOptions(options);
  }

  /**
   * Opens a job. It sweeps nothing: run {@link ClusterManager.watch} somewhere in the pool.
   * @throws DeferredSweepError `DEFERRED_DRIVER_MISSING`, `DEFERRED_DATABASE`, `DEFERRED_SERVER_UNSUPPORTED`,
   * `DEFERRED_POOLER`, `DEFERRED_STANDBY`, `DEFERRED_SCHEMA_VERSION`, `DEFERRED_CLOSED`
   */
  async open(): Promise<ClusterJob<H>> {
    const session = await this.#connected();
    const { pool, label, order, graceMs, restartGraceMs, callTimeoutMs } = this.#options;
    const { host, pid, bootId } = ownIdentity();
    const owner = { host, pid, bootId };
    const request = { ...owner, pool, label, order, graceMs, restartGraceMs };
    const { value } = await session.call('openOwner', request, callTimeoutMs).catch(error => {
      throw databaseError(`open a job in pool ${pool}`, error);
    });
    const job: ClusterJob<H> = new ClusterJob(
      { session, options: this.#options, ended: () => this.#jobs.delete(job) },
      { ...value, owner, label, isOrphaned: false },
    );
    this.#jobs.add(job);
    return job;
  }

  /** Opens a job, runs `body`, closes the job. The result or error of `body` passes through. */
  async run<T>(body: (defer: ClusterDefer<H>, job: ClusterJob<H>) => T | Promise<T>): Promise<T> {
    const job = await this.open();
    try {
      return await body(job.defer, job);
    } finally {
      logClusterReport(this.#options.logger, await job.close());
    }
  }

  /**
   * Runs, once each, the functions of lost owners that this manager has handlers for. Sweeps of one manager follow each
   * other.
   * @throws DeferredSweepError as `open`; `DEFERRED_DATABASE` when the server could not be asked for orphans
   */
  async sweep(options: ClusterSweepOptions = {}): Promise<ClusterReport> {
    requireKnown(options, ['signal']);
    return await this.#sweep(anyOf(options.signal, this.#closed.signal));
  }

  async #sweep(stop: AbortSignal): Promise<ClusterReport> {
    const startMs = performance.now();
    const session = await this.#connectedUnless(stop, startMs);
    if (session === undefined) return summarizeOwners(this.#options.pool, [], false, startMs);
    const turn = this.#sweeping
      .then(() => sweepPool(session, this.#options, stop, startMs))
      .catch(error => {
        throw databaseError(`sweep pool ${this.#options.pool}`, error);
      });
    this.#sweeping = turn.catch(() => {}); // told to the caller of this turn
    return await turn;
  }

  /**
   * Sweeps again and again until the signal is aborted or the manager closed. A server that goes away is told to the
   * logger, and waited for.
   * @throws DeferredSweepError as `open`, when the first connection is refused; what `onReport` throws
   */
  async watch(options: ClusterWatchOptions = {}): Promise<void> {
    requireKnown(options, ['intervalMs', 'signal', 'onReport']);
    const { onReport = () => {} } = options;
    if (typeof onReport !== 'function')
      throw new TypeError(`option "onReport" must be a function, got ${shown(onReport)}`);
    const intervalMs = Math.max(LEAST_INTERVAL_MS, milliseconds('intervalMs', options.intervalMs ?? 1000));
    const failed = new AbortController();
    const stop = anyOf(failed.signal, anyOf(options.signal, this.#closed.signal));
    await this.#connectedUnless(stop);
    let said = '';
    while (!stop.aborted) {
      try {
        const report = await this.#sweep(stop);
        said = '';
        // One that rejects ends the watch as one that throws does.
        if (report.owners.length > 0)
          (async () => onReport(report))().catch((error: unknown) => failed.abort({ error }));
        logClusterReport(this.#options.logger, report);
      } catch (error) {
        if (!(error instanceof DeferredSweepError)) throw error;
        // The same every second tells nothing new.
        if (said !== error.message && !stop.aborted)
          this.#options.logger.warn(`deferred-sweep: ${error.message}`);
        said = error.message;
      }
      await sleep(intervalMs, undefined, { signal: stop }).catch(() => {}); // aborted: the loop ends
    }
    if (failed.signal.aborted) throw (failed.signal.reason as { error: unknown }).error;
  }

  /** Closes all jobs and ends the session. Sweeps and watches of this manager end after the function in progress. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #close(): Promise<void> {
    this.#closed.abort();
    // At once: where the server is away, each waits until its time is over.
    const close = async (job: ClusterJob<H>): Promise<void> =>
      logClusterReport(this.#options.logger, await job.close());
    await Promise.all([...this.#jobs].map(close));
    await this.#sweeping;
    const session = await this.#session?.catch(() => undefined); // told to those who opened it
    await session?.close();
  }

  /** Undefined where the signal came before there was a connection. */
  async #connectedUnless(stop: AbortSignal, startMs = performance.now()): Promise<Session | undefined> {
    const { logger, pool } = this.#options;
    const session = await unlessAborted(this.#connected(), stop);
    if (session !== undefined) return session;
    const ms = Math.round(performance.now() - startMs);
    logger.warn(`deferred-sweep: pool ${pool}: stopped while connecting to ${this.#address}, after ${ms} ms`);
    return undefined;
  }

  #connected(): Promise<Session> {
    if (this.#closing !== undefined) {
      const text = `cannot use the manager of pool ${this.#options.pool}: it is closed; make another`;
      return Promise.reject(new DeferredSweepError('DEFERRED_CLOSED', text));
    }
    this.#session ??= this.#connect().catch(error => {
      this.#session = undefined;
      throw error;
    });
    return this.#session;
  }

  async #connect(): Promise<Session> {
    const { connection, schema, graceMs, killGraceMs, logger, pool } = this.#options;
    const endBlockedAfterMs = endingBlocked.has(this) ? killGraceMs : null;
    const config = { connection, schema, graceMs, endBlockedAfterMs };
    const session = await Session.open(config, this.#closed.signal, address => {
      this.#address = address;
    });
    const warn = (text: string): void => logger.warn(`deferred-sweep: pool ${pool}: ${text}`);
    for (const text of session.warnings) warn(text);
    session
      .on('warning', warn)
      .on('unsure', reason => warn(`the connection is lost (${reason}); connecting again`))
      .on('sure', () => logger.info(`deferred-sweep: pool ${pool}: connected again`))
      .on('ended', () => {
        this.#session = undefined;
      });
    return session;
  }
}

function databaseError(what: string, error: unknown): unknown {
  if (!(error instanceof CallFailure)) return error;
  const isForbidden = error.failure.error.code === INSUFFICIENT_PRIVILEGE;
  const advice = isForbidden ? "; run 'deferred-sweep cluster migrate' with --worker ROLE" : '';
  return new DeferredSweepError('DEFERRED_DATABASE', `cannot ${what}: ${error.message}${advice}`, {
    cause: reportError(error),
  });
}

function anyOf(signal: AbortSignal | undefined, other: AbortSignal): AbortSignal {
  return signal === undefined ? other : AbortSignal.any([signal, other]);
}
