/** What a command does until SIGINT or SIGTERM tells it to stop. */

/**
 * What `body` returns. Its signal is aborted at the first of both: then it finishes the function in progress, leaves the rest
 * registered, and reports.
 */
export async function withStopSignals<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await body(abort.signal);
  } finally {
    process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
  }
}
