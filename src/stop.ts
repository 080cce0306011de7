/** When a sweep has to stop: its deadline, or its caller's signal. */
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds of CLOCK_MONOTONIC, which all processes of this boot share and which is never set. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1000;
}

/**
 * A reason of an abort: the function in progress has only `killGraceMs` left, as at a deadline. At any other abort it
 * finishes, within its limit.
 */
export const HURRY: DOMException = new DOMException('the sweep was told to end soon', 'AbortError');

export class StopCondition {
  /** By {@link monotonicMs}; Infinity is none. */
  readonly deadlineAtMs: number;
  readonly signal: AbortSignal | undefined;

  constructor(deadlineAtMs: number, signal: AbortSignal | undefined) {
    this.deadlineAtMs = deadlineAtMs;
    this.signal = signal;
  }

  /** @param deadlineMs - from now; 0 is none */
  static in(deadlineMs: number, signal: AbortSignal | undefined): StopCondition {
    const atMs = deadlineMs === 0 ? Number.POSITIVE_INFINITY : monotonicMs() + deadlineMs;
    return new StopCondition(atMs, signal);
  }

  /** True once nothing new may be begun. */
  get isReached(): boolean {
    if (this.signal?.aborted) return true;
    // Asked for each file: without a deadline the clock is not read.
    return this.deadlineAtMs !== Number.POSITIVE_INFINITY && monotonicMs() >= this.deadlineAtMs;
  }

  get isHurried(): boolean {
    return this.signal?.aborted === true && this.signal.reason === HURRY;
  }

  /** Milliseconds until the deadline, at least 0; Infinity where there is none. */
  get leftMs(): number {
    return Math.max(0, this.deadlineAtMs - monotonicMs());
  }

  /** Waits, at most until the signal. False when that came first. */
  async waited(ms: number): Promise<boolean> {
    const { signal } = this;
    try {
      await sleep(ms, undefined, signal && { signal });
      return true;
    } catch (error) {
      if (!signal?.aborted) throw error;
      return false;
    }
  }

  /** The time limit of a function; 0 is none. @param askedMs - of the sweep's caller or the function's owner; 0 is none */
  limit(askedMs: number, maxMs?: number): number {
    const asked = askedMs === 0 ? Number.POSITIVE_INFINITY : askedMs;
    const limit = Math.min(asked, maxMs ?? Number.POSITIVE_INFINITY, Math.max(1, Math.ceil(this.leftMs)));
    return limit === Number.POSITIVE_INFINITY ? 0 : limit;
  }
}

/** What `work` gives. Undefined as soon as the signal is aborted: what comes of the work is not waited for then. */
export async function unlessAborted<T>(work: Promise<T>, signal: AbortSignal): Promise<T | undefined> {
  const over = new AbortController();
  const aborted = signal.aborted
    ? Promise.resolve()
    : once(signal, 'abort', { signal: over.signal }).then(() => {});
  try {
    return (await Promise.race([work, aborted])) as T | undefined;
  } finally {
    over.abort();
  }
}
