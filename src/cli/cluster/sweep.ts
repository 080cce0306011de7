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

/** How a manager is used until the signal. */
type Work = (
  manager: ClusterManager<Handlers>,
  signal: AbortSignal,
  tell: (report: ClusterReport) => void,
) => Promise<void>;

/** Writes to standard output. */
type Print = (text: string, written?: () => void) => void;

/** Sweeps once; returns the exit status. @throws UsageError */
export async function runSweep(line: Arguments): Promise<number> {
  const deadlineMs = line.time('deadline') ?? 0;
  return run(line, false, async (manager, signal, tell) =>
    tell(await manager.sweep({ signal: inTime(deadlineMs, signal) })),
  );
}

/** Sweeps until a signal; returns the exit status. @throws UsageError */
export async function runWatch(line: Arguments): Promise<number> {
  const intervalMs = line.time('interval') ?? 1000;
  const status = await run(line, true, (manager, signal, onReport) =>
    manager.watch({ intervalMs, signal, onReport }),
  );
  // It ends by a signal; what failed in it was told, and will be tried again.
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

/**
 * Ends the process by the status that is set. A call that was given up goes on in this process, and the module of handlers
 * may keep a timer or a socket: neither may keep the process.
 */
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
      const manager = orUsageError(
        () =>
          new ClusterManager({
            connection: connectionOf(process.env),
            pool,
            schema,
            handlers,
            callTimeoutMs: callTimeoutOf(line),
            logger: warnings.logger,
          }),
      );
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
function keepStandardOutput(): Print {
  const { stdout, stderr } = process;
  const write = stdout.write.bind(stdout);
  stdout.write = stderr.write.bind(stderr);
  return (text, written) => void write(text, written);
}
