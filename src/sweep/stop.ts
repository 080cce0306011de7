/** When a sweep has to stop: its deadline, or its caller's signal. */
import { performance } from 'node:perf_hooks';

export class StopCondition {
  readonly #deadlineAtMs: number;
  readonly #signal: AbortSignal | undefined;

  /** @param deadlineMs - from now; 0 is none */
  constructor(deadlineMs: number, signal: AbortSignal | undefined) {
    this.#deadlineAtMs = deadlineMs === 0 ? Number.POSITIVE_INFINITY : performance.now() + deadlineMs;
    this.#signal = signal;
  }

  get signal(): AbortSignal | undefined {
    return this.#signal;
  }

  /** True once nothing new may be begun. */
  get isReached(): boolean {
    return this.#signal?.aborted === true || performance.now() >= this.#deadlineAtMs;
  }

  /** A function's time limit (0 is none), shortened to what is left until the deadline; at least 1 ms. */
  limit(timeoutMs: number): number {
    if (this.#deadlineAtMs === Number.POSITIVE_INFINITY) return timeoutMs;
    const left = Math.max(1, Math.ceil(this.#deadlineAtMs - performance.now()));
    return timeoutMs === 0 ? left : Math.min(timeoutMs, left);
  }
}
