/** `cluster sweep` and `cluster watch`. */
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ClusterManager, endBlocked } from '../../postgres/manager.ts';
import type { Handlers } from '../../postgres/options.ts';
import { type ClusterReport, hasClusterProblems } from '../../postgres/report.ts';
import { reportError } from '../../report/reported-error.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_UNSETTLED, orUsageError, UsageError } from '../exit.ts';
import { failed, jsonLine, RunWarnings, say } from '../output/output.ts';
import { withStopSignals } from '../stop-signals.ts';
import { callTimeoutOf, connectionOf, schemaOf } from './connection.ts';
import { formatClusterReport } from './format.ts';

type Work = (
  manager: ClusterManager<Handlers>,
  signal: AbortSignal,
  tell: (report: ClusterReport) => void,
) => Promise<void>;

type Print = (text: string, written?: () => void) => void;

/** Returns the exit status. @throws UsageError */
export async function runSweep(line: Arguments): Promise<number> {
  const deadlineMs = line.time('deadline') ?? 0;
  return run(line, false, async (manager, signal, tell) =>
    tell(await manager.sweep({ signal: inTime(deadlineMs, signal) })),
  );
}

/** As {@link runSweep}, until a signal. */
export async function runWatch(line: Arguments): Promise<number> {
  const intervalMs = line.time('interval') ?? 1000;
  const status = await run(line, true, (manager, signal, onReport) =>
    manager.watch({ intervalMs, signal, onReport }),
  );
  // What failed in it was told, and will be tried again.
  return status === EXIT_FAILED ? EXIT_DONE : status;
}

async function run(line: Arguments, isWatch: boolean, work: Work): Promise<number> {
  const print = keepStandardOutput();
  const early = (code: number): void => tellEarlyEnd(line, code);
  process.once('exit', early);
  try {
    return await runPrinting(line, isWatch, work, print);
  } finally {
    process.removeListener('exit', early);
    // Once the caller has set the status.
    setImmediate(endOnceWritten, print);
  }
}

/** Handlers are not isolated: one that ends the process must not make the sweep look like one that is done. */
function tellEarlyEnd(line: Arguments, code: number): void {
  const why = code === EXIT_UNSETTLED ? 'waits for what never comes' : 'ended the process';
  say(
    `cannot sweep pool ${line.text('pool')} to the end: ${line.text('handlers')}, or a handler of it, ${why}; look with 'deferred-sweep cluster list'`,
  );
  if (code === EXIT_DONE || code === EXIT_UNSETTLED)
    process.exitCode = line.has('exit-zero') ? EXIT_DONE : EXIT_FAILED;
}

/** Ends the process: a handler that was given up, or a timer or socket of their module, must not keep it. */
function endOnceWritten(print: Print): void {
  process.stderr.write('', () => print('', () => setImmediate(() => process.exit())));
}

async function runPrinting(line: Arguments, isWatch: boolean, work: Work, print: Print): Promise<number> {
  const pool = line.text('pool')!;
  const schema = schemaOf(line);
  const handlers = await loadHandlers(line.text('handlers')!);
  let status = EXIT_DONE;
  const tell = (report: ClusterReport): void => {
    if (hasClusterProblems(report)) status = EXIT_FAILED;
    else if (line.has('quiet')) return;
    print(line.has('json') ? jsonLine(report) : formatClusterReport(report));
  };
  const warnings = new RunWarnings(line.has('quiet'));
  await withStopSignals(async signal => {
    // The end of a watch is always a signal: nothing is wrong then.
    if (!isWatch) warnings.tellAt(signal);
    try {
      const connection = connectionOf(process.env);
      const { logger } = warnings;
      const options = { connection, pool, schema, handlers, callTimeoutMs: callTimeoutOf(line), logger };
      const manager = orUsageError(() => new ClusterManager(options));
      endBlocked(manager);
      try {
        await work(manager, signal, tell);
      } finally {
        await manager.close();
      }
    } catch (error) {
      if (error instanceof UsageError) throw error;
      status = failed(error, `cannot sweep pool ${pool}`, line.has('json') ? { pool } : undefined, print);
    }
  });
  warnings.end(status);
  return status;
}

/** Aborted by the signal, or when the time is over; 0: none. */
function inTime(deadlineMs: number, signal: AbortSignal): AbortSignal {
  if (deadlineMs === 0) return signal;
  // Not AbortSignal.timeout: only its timer would hold it, weakly, and the deadline could be collected.
  const end = new AbortController();
  setTimeout(() => end.abort(), deadlineMs).unref();
  return AbortSignal.any([signal, end.signal]);
}

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

/** Returns how to write to standard output. All else in this process, handlers too, writes to standard error from now on. */
function keepStandardOutput(): Print {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  return (text, written) => void write(text, written);
}
