import { DeferredSweepError, systemErrorCode } from '../errors.ts';
import { systemReason } from './system-reason.ts';

/**
 * Returns what a step on the file system returns.
 * @param what - the step, for the message `cannot …`
 * @throws DeferredSweepError `DEFERRED_STATE_IO` with the system's error as cause; other errors are rethrown
 */
export function stateIo<T>(what: string, path: string, step: () => T): T {
  try {
    return step();
  } catch (error) {
    if (error instanceof DeferredSweepError || systemErrorCode(error) === undefined) throw error;
    throw new DeferredSweepError('DEFERRED_STATE_IO', `cannot ${what}: ${systemReason(error)}`, {
      path,
      cause: error,
    });
  }
}
