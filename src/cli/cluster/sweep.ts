/** `cluster sweep` and `cluster watch`. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ClusterManager } from '../../postgres/manager.ts';
import type { Handlers } from '../../postgres/options.ts';
import { type ClusterReport, hasClusterProblems } from '../../postgres/report.ts';
import { reportError } from '../../report/reported-error.ts';
import { EXIT_DONE, EXIT_FAILED, orUsageError, UsageError } from '../exit.ts';
import { failed, jsonLine, warn } from '../output/output.ts';
import { withStopSignals } from '../stop-signals.ts';
import { type ClusterLine, connectionOf } from './arguments.ts';
import { formatClusterReport } from './format.ts';

/** Sweeps, once or until a signal; returns the exit status. @throws UsageError */
export async function runClusterSweep(line: ClusterLine): Promise<number> {
  const print = keepStandardOutput();
  const handlers = await loadHandlers(line.handlers);
  const status = await withStopSignals(async signal => {
    try {
      return await run(line, handlers, signal, print);
    } catch (error) {
      if (error instanceof UsageError) throw error;
      const { pool, isJson } = line;
      return failed(error, `cannot sweep pool ${pool}`, isJson ? { pool } : undefined, print);
    }
  });
  return line.isZeroAlways ? EXIT_DONE : status;
}

async function run(
  line: ClusterLine,
  handlers: Handlers,
  signal: AbortSignal,
  print: (text: string) => void,
): Promise<number> {
  let status = EXIT_DONE;
  const tell = (report: ClusterReport): void => {
    if (hasClusterProblems(report)) status = EXIT_FAILED;
    else if (line.isQuiet) return;
    print(line.isJson ? jsonLine(report) : formatClusterReport(report));
  };
  const { pool, schema } = line;
  const logger = { info() {}, warn };
  const manager = orUsageError(
    () => new ClusterManager({ connection: connectionOf(process.env), pool, schema, handlers, logger }),
  );
  try {
    if (line.verb === 'sweep') tell(await manager.sweep({ signal: inTime(line.deadlineMs, signal) }));
    else await manager.watch({ intervalMs: line.intervalMs, signal, onReport: tell });
  } finally {
    await manager.close();
  }
  // A watch ends by a signal; what failed in it was told, and will be tried again.
  return line.verb === 'watch' ? EXIT_DONE : status;
}

/** Aborted by the signal, or when the time is over; 0: none. */
function inTime(deadlineMs: number, signal: AbortSignal): AbortSignal {
  if (deadlineMs === 0) return signal;
  // Not AbortSignal.timeout: only its timer would hold it, weakly, and the deadline could be collected.
  const end = new AbortController();
  setTimeout(() => end.abort(), deadlineMs).unref();
  return AbortSignal.any([signal, end.signal]);
}

/** @throws UsageError */
async function loadHandlers(file: string): Promise<Handlers> {
  let module: { handlers?: unknown; default?: unknown };
  try {
    module = (await import(pathToFileURL(resolve(file)).href)) as typeof module;
  } catch (error) {
    throw new UsageError(`cannot load --handlers ${file}: ${reportError(error).message}`);
  }
  const handlers = module.handlers ?? module.default;
  if (typeof handlers === 'object' && handlers !== null) return handlers as Handlers;
  throw new UsageError(`--handlers ${file} must export an object "handlers"`);
}

/**
 * Returns how to write to standard output. All others in this process, the handlers among them, write to standard error from
 * now on, as functions of the file store do.
 */
function keepStandardOutput(): (text: string) => void {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  return text => void write(text);
}
