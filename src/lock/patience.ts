import { setTimeout as sleep } from 'node:timers/promises';
import { DeferredSweepError, isLockUndecided, type SystemError } from '../errors.ts';
import { type LockOptions, takeLock } from './advisory-lock.ts';

/** The most that a sweep, or a runner of it, waits for a sick file server, for all its files together. */
export const SWEEP_PATIENCE_MS = 5000;

const firstDelayMs = 10;
const longestDelayMs = 1000;
/** Timers may be early by a part of a millisecond, so less than this counts as nothing. */
const leastDelayMs = 1;

export interface PatientLockOptions extends LockOptions {
  /** For error messages. */
  readonly path: string;
}

/**
 * The time budget of one sweep for locks that the kernel cannot decide at once (EIO, ENOLCK, ESTALE). All files share it:
 * a sick server costs one budget, not one for each of a thousand files. Contention is an answer and costs nothing.
 */
export class LockPatience {
  readonly #totalMs: number;
  #leftMs: number;

  /** @param totalMs - 0: one try for each file; Infinity: for ever */
  constructor(totalMs: number) {
    this.#totalMs = totalMs;
    this.#leftMs = totalMs;
  }

  /** One try. The error itself where the kernel could not decide. */
  attempt(fd: number, options: PatientLockOptions): boolean | SystemError {
    try {
      return takeLock(fd, options);
    } catch (error) {
      if (isLockUndecided(error)) return error;
      throw error;
    }
  }

  /**
   * Tries until the kernel decides: again after 10 ms, doubling to 1 s, each less up to a half at random, so that many
   * workers do not come back at once. Overlapping calls each take their time from the budget. The caller keeps `fd` open.
   * @throws DeferredSweepError `DEFERRED_LOCK_FAILED` once the budget is spent; the reason of `signal` if that ends the wait
   */
  async tryLock(fd: number, options: PatientLockOptions, signal?: AbortSignal): Promise<boolean> {
    let answer = this.attempt(fd, options);
    let delayMs = firstDelayMs;
    while (typeof answer !== 'boolean') {
      if (this.#leftMs < leastDelayMs) throw this.#exhausted(options.path, answer);
      const startMs = performance.now();
      await pause(Math.min(delayMs * (1 - Math.random() / 2), this.#leftMs), signal);
      answer = this.attempt(fd, options);
      // The try counts, too: a non-blocking lock on NFS can stall as long as the server does.
      this.#leftMs -= performance.now() - startMs;
      delayMs = Math.min(2 * delayMs, longestDelayMs);
    }
    return answer;
  }

  #exhausted(path: string, cause: SystemError): DeferredSweepError {
    return new DeferredSweepError(
      'DEFERRED_LOCK_FAILED',
      `cannot lock ${path}: the kernel could not say whether the lock is free (${cause.message}), ` +
        `and the ${this.#totalMs} ms for asking again are spent; check the file server of its file system`,
      { cause, path },
    );
  }
}

/** Throws the signal's own reason, where Node's timer would throw an AbortError. */
async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(Math.ceil(delayMs), undefined, { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
