/** One open job of a cluster manager. */
import { DeferredSweepError } from '../errors.ts';
import { shown } from '../printable.ts';
import { snapshot } from '../value/encode.ts';
import { MAX_RECORD_BYTES } from '../value/limits.ts';
import type { Handlers, ResolvedClusterOptions } from './options.ts';
import { type Ownership, watchOwnership } from './ownership.ts';
import { type ClusterReport, ownerId, summarizeOwners } from './report.ts';
import { type HeldOwner, OwnerRun } from './run-owner.ts';
import type { Calls } from './session/messages.ts';
import { CallFailure, type Session } from './session/session.ts';

/** Names of handlers, and of nothing that is inherited. */
export type HandlerName<H extends Handlers> = Extract<keyof H, string>;

/** The parameters of a handler. */
export type HandlerArguments<F> = F extends (...args: infer A) => unknown ? A : never;

/** One call: the name of a handler and its arguments. */
export type ClusterCall<H extends Handlers> = {
  [K in HandlerName<H>]: readonly [name: K, ...args: HandlerArguments<H[K]>];
}[HandlerName<H>];

/** The signature of {@link ClusterJob.defer}, for passing it on. */
export type ClusterDefer<H extends Handlers> = <K extends HandlerName<H>>(
  name: K,
  ...args: HandlerArguments<H[K]>
) => Promise<ClusterRegistration>;

/** One function registered with a cluster job. */
export interface ClusterRegistration {
  /** Its number in its job. */
  readonly id: number;
  /**
   * Takes the registration back. Resolves to true when the function will not run; to false when the job has begun to run
   * its functions, or it was cancelled before.
   * @throws DeferredSweepError `DEFERRED_OWNERSHIP_LOST` when another may run it; `DEFERRED_UNCERTAIN` when the server did
   * not answer; `DEFERRED_DATABASE` when it was not asked, or refused
   */
  cancel(): Promise<boolean>;
}

export interface ClusterJobHost {
  readonly session: Session;
  readonly options: ResolvedClusterOptions;
  /** Told once, when the job has ended. */
  ended(): void;
}

export class ClusterJob<H extends Handlers> {
  /** The owner's id in lists and reports: 16 hexadecimal digits. */
  readonly id: string;
  /**
   * Aborted when another process owns the job's functions by now, or may soon: stop what must not overlap with their
   * run. The reason is a `DEFERRED_OWNERSHIP_LOST`.
   */
  readonly signal: AbortSignal;
  readonly #host: ClusterJobHost;
  readonly #held: HeldOwner;
  readonly #ownership: Ownership;
  readonly #calls = new Set<Promise<unknown>>();
  #lastId = 0;
  #closing: Promise<ClusterReport> | undefined;

  constructor(host: ClusterJobHost, held: HeldOwner) {
    this.#host = host;
    this.#held = held;
    this.id = ownerId(held.key);
    this.#ownership = watchOwnership(host.session, held.key);
    this.signal = this.#ownership.lost;
  }

  /**
   * Registers a call to be made when the job ends, or by another process if this one is lost. When the promise resolves,
   * the call is committed. Arguments are copied before `defer` returns.
   * @throws TypeError for a name that is no handler
   * @throws DeferredSweepError
   * - `DEFERRED_UNCERTAIN` when it may be registered, or not: the server's answer was lost
   * - `DEFERRED_OWNERSHIP_LOST`, `DEFERRED_CLOSED`, `DEFERRED_DATABASE`, `DEFERRED_VALUE_REFUSED`, `DEFERRED_TOO_LARGE`
   *   when it is not
   */
  readonly defer: ClusterDefer<H> = async (name, ...args) => {
    const [registration] = await this.#register([[name, ...args]]);
    return registration!;
  };

  /**
   * Registers all of the calls or none, in one round trip: together they are at most as large as one call may be.
   * @throws as {@link ClusterJob.defer}
   */
  async deferMany(calls: readonly ClusterCall<H>[]): Promise<ClusterRegistration[]> {
    return await this.#register(calls);
  }

  /**
   * Ends the job: runs its functions and lets go of it. Never rejects: what went wrong is in the report, and functions
   * with attempts left are an orphan's. A second call gives the same report.
   */
  close(): Promise<ClusterReport> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #register(calls: readonly (readonly [string, ...unknown[]])[]): Promise<ClusterRegistration[]> {
    if (this.#closing !== undefined) {
      const text = `cannot use the job ${this.id}: it has ended; open another`;
      throw new DeferredSweepError('DEFERRED_CLOSED', text);
    }
    const { handlers, delivery, timeoutMs, maxAttempts } = this.#host.options;
    const handlerNames = calls.map(([name]) => {
      if (typeof name === 'string' && Object.hasOwn(handlers, name)) return name;
      throw new TypeError(
        `cannot defer ${shown(name)}: the manager has no such handler; its handlers are ${Object.keys(handlers).join(', ')}`,
      );
    });
    const args = calls.map(([, ...args]) => snapshot(args, 'args'));
    // So that one round trip ends in time, and fits into a text.
    const bytes = args.reduce((sum, { length }) => sum + length, 0);
    if (bytes > MAX_RECORD_BYTES)
      throw new DeferredSweepError(
        'DEFERRED_TOO_LARGE',
        `cannot defer ${args.length} functions: together their arguments take ${bytes} bytes, more than ${MAX_RECORD_BYTES}; defer them in several calls`,
      );
    const ids = calls.map(() => ++this.#lastId);
    if (ids.length === 0) return [];
    const limits = { delivery, timeoutMs, maxAttempts };
    const request = { key: this.#held.key, ids, handlers: handlerNames, arguments: args, ...limits };
    const what = `defer ${handlerNames.length === 1 ? handlerNames[0] : `${handlerNames.length} functions`}`;
    await this.#ask(what, 'register', request);
    return ids.map(id => ({ id, cancel: () => this.#cancel(id) }));
  }

  readonly #cancelled = new Set<number>();

  async #cancel(id: number): Promise<boolean> {
    if (this.#closing !== undefined || this.#cancelled.has(id)) return false;
    this.#cancelled.add(id);
    try {
      await this.#ask(`cancel ${this.id}.${id}`, 'cancel', { key: this.#held.key, id });
    } catch (error) {
      this.#cancelled.delete(id);
      throw error;
    }
    return true;
  }

  /** @throws DeferredSweepError for everything but `ok` */
  async #ask<N extends 'register' | 'cancel'>(
    what: string,
    name: N,
    request: Calls[N]['request'],
  ): Promise<void> {
    const called = this.#host.session.call(name, request, this.#host.options.callTimeoutMs);
    this.#calls.add(called);
    try {
      const { value, mayBeDone } = await called;
      if (value === 'ok') return;
      const text = `cannot ${what}: another process has taken over the job ${this.id}`;
      if (!mayBeDone) throw new DeferredSweepError('DEFERRED_OWNERSHIP_LOST', text);
      const lost = `${text}, and an answer was lost before; it may be done all the same`;
      throw new DeferredSweepError('DEFERRED_UNCERTAIN', lost);
    } catch (error) {
      if (!(error instanceof CallFailure)) throw error;
      const { mayBeDone } = error.failure;
      throw new DeferredSweepError(
        mayBeDone ? 'DEFERRED_UNCERTAIN' : 'DEFERRED_DATABASE',
        `cannot ${what}: ${error.message}; ${mayBeDone ? 'it may be done all the same' : 'nothing was done'}`,
        { cause: error.failure.error },
      );
    } finally {
      this.#calls.delete(called);
    }
  }

  async #close(): Promise<ClusterReport> {
    const { session, options } = this.#host;
    const startMs = performance.now();
    // What was deferred before is run, or its answer known to be lost.
    await Promise.allSettled(this.#calls);
    const own = await new OwnerRun(session, options, this.#held).run(undefined);
    this.#ownership[Symbol.dispose]();
    this.#host.ended();
    return summarizeOwners(options.pool, [own], own.outcome === 'ran', startMs);
  }
}
