/** What a command does until SIGINT or SIGTERM tells it to stop. */
import { HURRY } from '../stop.ts';

/**
 * What `body` returns. Its signal is aborted at the first of both. Then nothing new begins, the rest stays registered, and
 * there is a report. At SIGINT the function in progress finishes, within its limit. At SIGTERM it has the grace of the
 * command: the sender (timeout(1), a batch system) has a time of its own, and kills after it.
 */
export async function withStopSignals<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const finish = (): void => abort.abort();
  const hurry = (): void => abort.abort(HURRY);
  process.once('SIGINT', finish).once('SIGTERM', hurry);
  try {
    return await body(abort.signal);
  } finally {
    process.removeListener('SIGINT', finish).removeListener('SIGTERM', hurry);
  }
}
