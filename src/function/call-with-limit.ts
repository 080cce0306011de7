/** Calls a function that runs deferred, in this process, with a time limit. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DeferredSweepError } from '../errors.ts';
import { isThisBoot } from '../lock/boot.ts';
import { endInvocation, type Invocation, withInvocation } from './current-invocation.ts';

/** What is known of an invocation before it begins. */
export type KnownInvocation = Omit<Invocation, 'signal' | 'sameBoot'>;

/** How long a call may take. */
export interface CallLimits {
  /** Time limit in milliseconds; 0 is none. */
  readonly timeoutMs: number;
  /** Time the function still has after its signal was aborted. */
  readonly killGraceMs: number;
  /** Aborts the function's signal, too, and gives its reason on. */
  readonly lost?: AbortSignal;
}

/** How a call settled: `error` is there, whatever its value, where the function threw. */
export interface CallSettled {
  readonly error?: unknown;
}

/** How a call ended. */
export interface CallEnd extends CallSettled {
  /** True where the function did not settle in time and still runs in this process. */
  readonly isHung: boolean;
  /** What comes of it after all. Never rejects. */
  readonly settled: Promise<CallSettled>;
}

/**
 * Never rejects: what the function throws is in the result, or why its signal was aborted where it was.
 * @param name - of the function, for messages
 */
export async function callWithLimit(
  name: string,
  known: KnownInvocation,
  { timeoutMs, killGraceMs, lost }: CallLimits,
  body: () => unknown,
): Promise<CallEnd> {
  const abort = new AbortController();
  const kill = new AbortController();
  const over = new AbortController();
  const giveUp = (): void => abort.abort(lost?.reason);
  lost?.addEventListener('abort', giveUp, { once: true });
  if (lost?.aborted) giveUp();
  const invocation: Invocation = { ...known, signal: abort.signal, sameBoot: isThisBoot(known.owner.bootId) };
  const call = async (): Promise<CallSettled> => {
    try {
      await withInvocation(invocation, kill.signal, body);
      return {};
    } catch (error) {
      // A function may throw because its signal was aborted. Then the limit is the reason.
      return { error: abort.signal.aborted ? abort.signal.reason : error };
    } finally {
      endInvocation(invocation);
    }
  };
  const limit = async (): Promise<CallSettled> => {
    await sleep(timeoutMs, undefined, { signal: over.signal });
    const error = new DeferredSweepError(
      'DEFERRED_TIMED_OUT',
      `cannot wait longer for ${name}: it did not finish within ${timeoutMs} ms`,
    );
    abort.abort(error);
    await sleep(killGraceMs, undefined, { signal: over.signal });
    kill.abort();
    return { error };
  };
  // First: what the function does before it first waits counts.
  const limited = timeoutMs === 0 ? undefined : limit();
  limited?.catch(() => {}); // aborted below, when the function settled first
  const settled = call();
  const inTime = settled.then(end => ({ ...end, isHung: false, settled }));
  try {
    if (limited === undefined) return await inTime;
    return await Promise.race([inTime, limited.then(end => ({ ...end, isHung: true, settled }))]);
  } finally {
    over.abort();
    lost?.removeEventListener('abort', giveUp);
  }
}
