import { AsyncLocalStorage } from 'node:async_hooks';
import { isThisBoot } from '../lock/process-identity.ts';

/** The circumstances under which a deferred function runs. */
export interface Invocation {
  /** Aborted when the function's time is over; what it still does after that is cut off soon. */
  readonly signal: AbortSignal;
  /** 1 for the first attempt; counted across processes. */
  readonly attempt: number;
  /** True when the process that registered the function is gone, false at the normal end of its job. */
  readonly orphaned: boolean;
  readonly registeredAt: Date;
  /** The process that registered it; `bootId` is null where the system has none. */
  readonly owner: { readonly pid: number; readonly host: string; readonly bootId: string | null };
  /** Whether the machine still runs as it did at registration: pids, mounts and memory are gone otherwise. Undefined: unknown. */
  readonly sameBoot: boolean | undefined;
  /**
   * Grows each time that functions of a cluster job go to another owner, so that what is cleaned up can refuse one that
   * was declared dead. Only for functions of `deferred-sweep/postgres`.
   */
  readonly fence?: number;
}

/** One per thread: a function may import its project's copy of this package while one installed globally runs it. */
const STORAGE = Symbol.for('deferred-sweep.invocation.1');
const shared = globalThis as { [STORAGE]?: AsyncLocalStorage<Invocation> };
shared[STORAGE] ??= new AsyncLocalStorage();
const storage: AsyncLocalStorage<Invocation> = shared[STORAGE];

/** In the environment of functions that runners run, and of what they start. */
export const INSIDE = 'DEFERRED_SWEEP_INSIDE';

/** Value of {@link INSIDE} while a runner loads what its owner had loaded. */
export const STARTING = 'starting';

/**
 * Ends this process if it is a runner that has not begun: then what its owner had loaded, by `--import` or `--require`, is
 * the program itself. It is not run again; the sweeper starts another runner without it.
 */
export function refuseInStartingRunner(): void {
  if (process.env[INSIDE] !== STARTING) return;
  console.error('deferred-sweep: the options of Node name the program itself; it is not run again');
  process.exit(1);
}

/** True in a deferred function, and in what one started: a sweep begun there could begin another, and so on. */
export function isInside(): boolean {
  return process.env[INSIDE] !== undefined || currentInvocation() !== undefined;
}

/** The circumstances of the deferred function that is running, or undefined outside of one. Follows `await`. */
export function currentInvocation(): Invocation | undefined {
  return storage.getStore();
}

export type KnownInvocation = Omit<Invocation, 'signal' | 'sameBoot'>;

/** An invocation of this copy of the package. */
export class OwnInvocation implements Invocation {
  readonly attempt: number;
  readonly orphaned: boolean;
  readonly registeredAt: Date;
  readonly owner: Invocation['owner'];
  readonly sameBoot: boolean | undefined;
  declare readonly fence?: number;
  declare readonly signal: AbortSignal;
  readonly #abort: LazyAbort;
  readonly #kill: LazyAbort;
  #isOver = false;

  constructor(known: KnownInvocation, abort: LazyAbort, kill: LazyAbort) {
    this.attempt = known.attempt;
    this.orphaned = known.orphaned;
    this.registeredAt = known.registeredAt;
    this.owner = known.owner;
    this.sameBoot = isThisBoot(known.owner.bootId);
    if (known.fence !== undefined) this.fence = known.fence;
    this.#abort = abort;
    this.#kill = kill;
    // A property of its own, as the others are: `{ ...currentInvocation() }` has it.
    Object.defineProperty(this, 'signal', OwnInvocation.#SIGNAL);
  }

  static readonly #SIGNAL: PropertyDescriptor & ThisType<OwnInvocation> = {
    get() {
      return this.#abort.signal;
    },
    enumerable: true,
  };

  /** What `body` returns; `currentInvocation()` gives this invocation to it and to everything it starts. */
  run<T>(body: () => T): T {
    return storage.run(this, body);
  }

  /** From now on what the function still does, or throws, is no part of its attempt. */
  end(): void {
    this.#isOver = true;
  }

  static killSignalOf(invocation: Invocation): AbortSignal | undefined {
    return #kill in invocation ? invocation.#kill.signal : undefined;
  }

  static isOver(invocation: Invocation): boolean {
    return #isOver in invocation && invocation.#isOver;
  }
}

/** Aborted when the time after `signal` is over, too: nothing that the function started may go on. */
export function currentKillSignal(): AbortSignal | undefined {
  const invocation = currentInvocation();
  return invocation && OwnInvocation.killSignalOf(invocation);
}

/** True in what a deferred function left behind when it settled: timers and promises, say. */
export function isInvocationOver(): boolean {
  const invocation = currentInvocation();
  return invocation !== undefined && OwnInvocation.isOver(invocation);
}

/** True in what a module does while it is imported for a deferred function, and in what that starts. */
const imports = new AsyncLocalStorage<true>();

export function importingForCall<T>(load: () => Promise<T>): Promise<T> {
  return imports.run(true, load);
}

/** Whether this runs because a module is imported to call a function of it: a program that is, must not run again. */
export function isImportedForCall(): boolean {
  return imports.getStore() === true;
}

/** An AbortController whose signal is made when a function asks for it. Most functions do not, and take less time than that. */
export class LazyAbort {
  #controller: AbortController | undefined;
  isAborted = false;
  reason: unknown;

  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.isAborted) this.#controller.abort(this.reason);
    }
    return this.#controller.signal;
  }

  abort(reason?: unknown): void {
    if (this.isAborted) return;
    this.isAborted = true;
    this.reason = reason;
    this.#controller?.abort(reason);
  }
}

/** Who is aborted with a signal. One listener for all: to add and remove one for each function costs more than most do. */
const followers = new WeakMap<AbortSignal, Set<LazyAbort>>();

/** Aborts it when the signal is aborted, with its reason, or at once if it was. Returns what ends that. */
export function abortWith(signal: AbortSignal, follower: LazyAbort): () => void {
  if (signal.aborted) follower.abort(signal.reason);
  const all = followers.get(signal) ?? new Set();
  if (!followers.has(signal)) {
    followers.set(signal, all);
    signal.addEventListener('abort', () => {
      for (const one of all) one.abort(signal.reason);
    });
  }
  all.add(follower);
  return () => all.delete(follower);
}
