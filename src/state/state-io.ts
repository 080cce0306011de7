import { DeferredSweepError, systemErrorCode } from '../errors.ts';

/**
 * Returns what a step on the file system returns.
 * @param what - what could not be done then, for the message: `cannot …`
 * @throws DeferredSweepError `DEFERRED_STATE_IO` with the system's error as cause; anything else as it is
 */
export function stateIo<T>(what: string, path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof DeferredSweepError || systemErrorCode(error) === undefined) throw error;
    throw new DeferredSweepError('DEFERRED_STATE_IO', `cannot ${what}: ${String(error)}`, {
      path,
      cause: error,
    });
  }
}
