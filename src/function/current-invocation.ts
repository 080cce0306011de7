import { AsyncLocalStorage } from 'node:async_hooks';
import type { LazyAbort } from './lazy-abort.ts';

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

/**
 * One per thread, not per copy of this package: the function may import the copy of its own project while another one,
 * installed globally, runs it.
 */
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

/** For this package's own functions: aborted when the time after `signal` is over, too, and the runner waits no longer. */
const killSignals = new WeakMap<Invocation, LazyAbort>();

/** As {@link currentInvocation}: the signal after which nothing that the function started may go on. */
export function currentKillSignal(): AbortSignal | undefined {
  const invocation = currentInvocation();
  return invocation && killSignals.get(invocation)?.signal;
}

/** Those whose function has settled. It may have left timers and promises behind. */
const ended = new WeakSet<Invocation>();

/** From now on what the function still does, or throws, is no part of its attempt. */
export function endInvocation(invocation: Invocation): void {
  ended.add(invocation);
}

/** True in what a deferred function left behind when it settled. */
export function isInvocationOver(): boolean {
  const invocation = currentInvocation();
  return invocation !== undefined && ended.has(invocation);
}

/** What `body` returns; `currentInvocation()` gives `invocation` to it and to everything it starts. */
export function withInvocation<T>(invocation: Invocation, kill: LazyAbort, body: () => T): T {
  killSignals.set(invocation, kill);
  return storage.run(invocation, body);
}

/** True in what a module does while it is imported for a deferred function, and in what that starts. */
const imports = new AsyncLocalStorage<true>();

/** What `load` returns; {@link isImportedForCall} is true in it. */
export function importingForCall<T>(load: () => Promise<T>): Promise<T> {
  return imports.run(true, load);
}

/** Whether this runs because a module is imported to call a function of it: a program that is, must not run again. */
export function isImportedForCall(): boolean {
  return imports.getStore() === true;
}
