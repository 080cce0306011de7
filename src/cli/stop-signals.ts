/** What a command does until SIGINT or SIGTERM tells it to stop. */
const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

/**
 * What `body` returns. Its signal is aborted at the first of both: then it finishes the function in progress, leaves the rest
 * registered, and reports. The second ends this process at once.
 */
export async function withStopSignals<T>(body: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const abort = new AbortController();
  const release = (): void => {
    for (const name of SIGNALS) process.removeListener(name, stop);
  };
  const stop = (): void => {
    release();
    // The kernel keeps from pid 1 what would end another process.
    if (process.pid === 1) for (const name of SIGNALS) process.on(name, exitBy);
    abort.abort();
  };
  for (const name of SIGNALS) process.on(name, stop);
  try {
    return await body(abort.signal);
  } finally {
    release();
  }
}

function exitBy(_name: NodeJS.Signals, number: number): never {
  process.exit(128 + number);
}
