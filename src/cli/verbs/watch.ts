import { hasCode } from '../../errors.ts';
import { notifyService } from '../../native/own-process.ts';
import { hasProblems, type SweepReport } from '../../report/report.ts';
import { reportError } from '../../report/reported-error.ts';
import { StopCondition } from '../../stop.ts';
import { LEAST_POLL_MS, resolveWatchOptions } from '../../watch/options.ts';
import { Watcher } from '../../watch/watcher.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE } from '../exit.ts';
import { formatFiles } from '../output/format.ts';
import { failed, jsonLine, print, warn } from '../output/output.ts';
import { withStopSignals } from '../stop-signals.ts';

/** Between two tries of a directory that could not be watched at the start, as between two looks where there are no events. */
const RETRY_MS = 1000;

export async function runWatch(line: Arguments): Promise<number> {
  const options = { ...line.sweepOptions, pollMs: line.time('poll') };
  const bases = basesOf(line, missing => `waiting for ${missing}`);
  const tellService = serviceManager();
  const metricsFile = line.text('metrics-file');
  const metrics =
    metricsFile === undefined
      ? undefined
      : new (await import('../metrics.ts')).WatchMetrics(metricsFile, bases, options);
  const untried = new Set(bases);
  let watched = 0;
  let status = EXIT_DONE;
  let allTried = (): void => {};
  const haveAllBeenTried = new Promise<void>(resolve => {
    allTried = resolve;
  });
  const tellStatus = (): void => {
    if (watched > 0) tellService(`READY=1\nSTATUS=Watching ${watched} of ${bases.length}`);
  };
  const tried = (base: string): void => {
    if (!untried.delete(base) || untried.size > 0) return;
    metrics?.write();
    tellStatus();
    allTried();
  };
  const tell = (report: SweepReport): void => {
    if (line.has('quiet') && !hasProblems(report)) return;
    print(line.has('json') ? jsonLine(report) : formatFiles(report));
  };
  // One bad base keeps none of the others from it, and is tried again while another one is watched.
  const watchOne = async (base: string, signal: AbortSignal): Promise<void> => {
    const pauseMs = Math.max(LEAST_POLL_MS, options.pollMs ?? RETRY_MS);
    const stop = new StopCondition(Number.POSITIVE_INFINITY, signal);
    const told = new Set<string>();
    let hasStarted = false;
    const onReport = (report: SweepReport): void => {
      metrics?.count(base, report);
      tell(report);
    };
    const onSwept = (isDone: boolean): void => metrics?.note(base, isDone);
    const onWatching = (): void => {
      hasStarted = true;
      watched++;
      if (untried.has(base)) tried(base);
      else tellStatus();
    };
    const tellOnce = (error: unknown): void => {
      const { message } = reportError(error);
      if (!told.has(message))
        status = failed(error, `cannot watch ${base}`, line.has('json') ? { base } : undefined);
      told.add(message);
      metrics?.note(base, false);
    };
    for (;;) {
      try {
        const resolved = resolveWatchOptions({ ...options, onReport });
        await new Watcher(base, resolved, { onWatching, onSwept, warn }).run(signal);
        // The signal may come before it watches.
        tried(base);
        return;
      } catch (error) {
        tellOnce(error);
        if (hasStarted) watched--;
        tried(base);
        if (hasStarted || !hasCode(error, 'DEFERRED_STATE_IO', 'DEFERRED_UNSAFE_DIRECTORY')) return;
      }
      await haveAllBeenTried;
      if (watched === 0 || !(await stop.waited(pauseMs))) return;
    }
  };
  // A service manager waits long enough for the function in progress.
  await withStopSignals(async signal => {
    signal.addEventListener('abort', () => tellService('STOPPING=1'), { once: true });
    await Promise.all(bases.map(base => watchOne(base, signal)));
  }, false);
  await metrics?.end(status);
  return status;
}

/** Tells a service manager, if one has started this process. The functions are not to speak to it. */
function serviceManager(): (message: string) => void {
  const { NOTIFY_SOCKET } = process.env;
  delete process.env.NOTIFY_SOCKET;
  return message => void notifyService(message, { NOTIFY_SOCKET });
}
