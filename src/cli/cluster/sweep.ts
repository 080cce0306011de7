/** `cluster sweep` and `cluster watch`. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ClusterManager } from '../../postgres/manager.ts';
import type { Handlers } from '../../postgres/options.ts';
import { type ClusterReport, hasClusterProblems } from '../../postgres/report.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import { withStopSignals } from '../stop-signals.ts';
import { type ClusterLine, connectionOf } from './arguments.ts';
import { formatClusterReport } from './format.ts';

/** Sweeps, once or until a signal; returns the exit status. @throws DeferredSweepError where the database is not to be used */
export async function runClusterSweep(line: ClusterLine): Promise<number> {
  return withStopSignals(signal => run(line, signal));
}

async function run(line: ClusterLine, signal: AbortSignal): Promise<number> {
  let status = EXIT_DONE;
  const say = (report: ClusterReport): void => {
    process.stdout.write(line.isJson ? `${JSON.stringify(report)}\n` : formatClusterReport(report));
    if (hasClusterProblems(report)) status = EXIT_FAILED;
  };
  const manager = new ClusterManager({
    connection: connectionOf(process.env),
    pool: line.pool,
    schema: line.schema,
    handlers: await loadHandlers(line.handlers),
    logger: { info() {}, warn: message => void process.stderr.write(`${message}\n`) },
  });
  try {
    if (line.verb === 'sweep') say(await manager.sweep({ signal }));
    else await manager.watch({ intervalMs: line.intervalMs, signal, onReport: say });
  } finally {
    await manager.close();
  }
  // A watch ends by a signal; what failed in it was told, and will be tried again.
  return line.verb === 'watch' ? EXIT_DONE : status;
}

async function loadHandlers(file: string): Promise<Handlers> {
  const module = (await import(pathToFileURL(resolve(file)).href)) as {
    handlers?: unknown;
    default?: unknown;
  };
  const handlers = module.handlers ?? module.default;
  if (typeof handlers === 'object' && handlers !== null) return handlers as Handlers;
  throw new UsageError(`--handlers ${file} must export an object "handlers"`);
}
