/** The verb `watch`. */
import { notifyService } from '../../native/service-notify.ts';
import { hasProblems, type SweepReport } from '../../report/report.ts';
import { watchUntilAborted } from '../../watch/watch.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE } from '../exit.ts';
import { formatFiles } from '../output/format.ts';
import { failed, jsonLine, print, warn } from '../output/output.ts';
import { withStopSignals } from '../stop-signals.ts';

export async function runWatch(line: Arguments): Promise<number> {
  const options = { ...line.sweepOptions, pollMs: line.time('poll') };
  const bases = basesOf(line, missing => `waiting for ${missing}`);
  const tellService = serviceManager();
  const metricsFile = line.text('metrics-file');
  const metrics =
    metricsFile === undefined
      ? undefined
      : new (await import('./watch-metrics.ts')).WatchMetrics(metricsFile, bases, options);
  let starting = bases.length;
  let watched = 0;
  let status = EXIT_DONE;
  const started = (): void => {
    starting--;
    if (starting === 0) metrics?.begin();
    if (starting === 0 && watched > 0) tellService(`READY=1\nSTATUS=Watching ${watched} of ${bases.length}`);
  };
  const tell = (report: SweepReport): void => {
    if (line.has('quiet') && !hasProblems(report)) return;
    print(line.has('json') ? jsonLine(report) : formatFiles(report));
  };
  // One bad base keeps none of the others from it.
  const watchOne = async (base: string, signal: AbortSignal): Promise<void> => {
    let hasStarted = false;
    const onReport = (report: SweepReport): void => {
      metrics?.count(base, report);
      tell(report);
    };
    const onSwept = (isDone: boolean): void => metrics?.note(base, isDone);
    try {
      const onWatching = (): void => {
        hasStarted = true;
        watched++;
        started();
      };
      await watchUntilAborted(base, { ...options, onReport, signal }, { onWatching, onSwept, warn });
    } catch (error) {
      status = failed(error, `cannot watch ${base}`, line.has('json') ? { base } : undefined);
      metrics?.note(base, false);
      if (!hasStarted) started();
    }
  };
  // A service manager waits long enough for the function in progress.
  await withStopSignals(
    async signal => {
      signal.addEventListener('abort', () => tellService('STOPPING=1'), { once: true });
      await Promise.all(bases.map(base => watchOne(base, signal)));
    },
    { isHurried: false },
  );
  await metrics?.end(status);
  return status;
}

/** Tells a service manager, if one has started this process. The functions are not to speak to it. */
function serviceManager(): (message: string) => void {
  const { NOTIFY_SOCKET } = process.env;
  delete process.env.NOTIFY_SOCKET;
  return message => void notifyService(message, { NOTIFY_SOCKET });
}
