import { setTimeout as sleep } from 'node:timers/promises';
import { DeferredSweepError, isLockUndecided, type SystemError } from '../errors.ts';
import { shown } from '../printable.ts';
import { type LockOptions, takeLock } from './advisory-lock.ts';

const firstDelayMs = 10;
const longestDelayMs = 1000;
/** Timers may be early by a part of a millisecond, so less than this counts as nothing. */
const leastDelayMs = 1;

/** How to lock which file. */
export interface PatientLockOptions extends LockOptions {
  /** The file's path, for error messages. */
  path?: string | undefined;
}

/** A lock that the kernel could neither give nor refuse. Pass it to {@link LockPatience.outlast}. */
export interface UnansweredLock {
  readonly fd: number;
  readonly options: PatientLockOptions;
  /** EIO, ENOLCK or ESTALE: the file server is in trouble, out of locks, or has just restarted. */
  readonly cause: SystemError;
}

/**
 * The time budget of one sweep for locks that the kernel cannot decide at once (EIO, ENOLCK, ESTALE). All files share it:
 * a sick server costs one budget, not one for each of a thousand files. Contention is an answer and costs nothing.
 *
 * @example
 * const attempt = patience.attempt(fd, { path });
 * const isLocked = typeof attempt === 'boolean' ? attempt : await patience.outlast(attempt, signal);
 */
export class LockPatience {
  readonly #totalMs: number;
  #leftMs: number;

  /**
   * @param totalMs - budget in milliseconds; 0 means one try for each file, Infinity means for ever
   * @throws TypeError, RangeError for anything else
   */
  constructor(totalMs: number) {
    if (typeof totalMs !== 'number') {
      throw new TypeError(`"totalMs" must be a number of milliseconds, got ${shown(totalMs)}`);
    }
    if (!(totalMs >= 0)) throw new RangeError(`"totalMs" must not be negative or NaN, got ${totalMs}`);
    this.#totalMs = totalMs;
    this.#leftMs = totalMs;
  }

  /**
   * One synchronous try, without a promise, for the hot path. True, false and errors as {@link tryLock}; an object if the
   * kernel could not decide.
   */
  attempt(fd: number, options: PatientLockOptions = {}): boolean | UnansweredLock {
    try {
      return takeLock(fd, options);
    } catch (error) {
      if (isLockUndecided(error)) return { fd, options, cause: error };
      throw error;
    }
  }

  /**
   * Tries again until the kernel decides: after 10 ms, doubling to 1 s, each less up to a half at random, so that many
   * workers do not come back at once. The time is taken from the budget; overlapping calls each take theirs. The caller
   * keeps the descriptor open meanwhile.
   *
   * @throws DeferredSweepError `DEFERRED_LOCK_FAILED` (`cause` is the last system error) once the budget is spent; without
   *   another try if it was spent before
   * @throws the reason of `signal` if it is aborted
   */
  async outlast(unanswered: UnansweredLock, signal?: AbortSignal): Promise<boolean> {
    let attempt: boolean | UnansweredLock = unanswered;
    for (let delayMs = firstDelayMs; ; delayMs = Math.min(2 * delayMs, longestDelayMs)) {
      if (typeof attempt === 'boolean') return attempt;
      if (this.#leftMs < leastDelayMs) throw this.#exhausted(attempt);
      const startMs = performance.now();
      await pause(Math.min(delayMs * (1 - Math.random() / 2), this.#leftMs), signal);
      attempt = this.attempt(unanswered.fd, unanswered.options);
      // The try counts, too: a non-blocking lock on NFS can stall as long as the server does.
      this.#leftMs -= performance.now() - startMs;
    }
  }

  /** {@link attempt} and, if need be, {@link outlast} in one. */
  async tryLock(fd: number, options: PatientLockOptions = {}, signal?: AbortSignal): Promise<boolean> {
    signal?.throwIfAborted();
    const attempt = this.attempt(fd, options);
    return typeof attempt === 'boolean' ? attempt : await this.outlast(attempt, signal);
  }

  #exhausted({ fd, options: { path }, cause }: UnansweredLock): DeferredSweepError {
    return new DeferredSweepError(
      'DEFERRED_LOCK_FAILED',
      `cannot lock ${path ?? `descriptor ${fd}`}: the kernel could not say whether the lock is free (${cause.message}), ` +
        `and the ${this.#totalMs} ms for asking again are spent; check the file server of its file system`,
      path === undefined ? { cause } : { cause, path },
    );
  }
}

/** Waits. Throws the signal's own reason, where Node's timer would throw an AbortError. */
async function pause(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  try {
    await sleep(Math.ceil(delayMs), undefined, signal === undefined ? {} : { signal });
  } catch (error) {
    signal?.throwIfAborted();
    throw error;
  }
}
