/** Sweeps one directory after the other, and tells of each. */
import { hasProblems, type SweepReport, totalsOf } from '../../report/report.ts';
import { StateDirectory } from '../../state/state-directory.ts';
import { monotonicMs, StopCondition } from '../../stop.ts';
import { cleanUpDirectory } from '../../sweep/cleanup.ts';
import { resolveSweepOptions, type SweepOptions } from '../../sweep/options.ts';
import { sweepDirectory } from '../../sweep/sweep.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { formatReport } from '../output/format.ts';
import { LiveReport } from '../output/live-report.ts';
import { failed, jsonLine, print, warn } from '../output/output.ts';
import { Progress } from '../output/progress.ts';

/** One bad base keeps none of the others from it. */
export async function sweepEach(
  line: Arguments,
  bases: readonly string[],
  isCleanup: boolean,
  options: SweepOptions,
  reports: SweepReport[],
): Promise<number> {
  const resolved = resolveSweepOptions(options);
  const isQuiet = line.has('quiet');
  const isJson = line.has('json');
  // One deadline and one wait for all of them.
  const stop = StopCondition.in(resolved.deadlineMs, resolved.signal);
  const waitUntilMs = monotonicMs() + resolved.waitMs;
  let status = EXIT_DONE;
  for (const base of bases) {
    const progress = isQuiet ? undefined : Progress.begin();
    const listener = new LiveReport({ isTold: !isQuiet && !isJson, isHeld: isQuiet, progress });
    try {
      // Warnings are not in the report.
      const directory = new StateDirectory(base, {
        trust: resolved.trust,
        warn: message => {
          progress?.clear();
          warn(message);
        },
      });
      const left = { ...resolved, waitMs: Math.max(0, waitUntilMs - monotonicMs()) };
      const report = await (isCleanup ? cleanUpDirectory : sweepDirectory)(directory, left, stop, {
        listener,
      });
      reports.push(report);
      listener.finish(report);
      const isBad = hasProblems(report);
      if (isQuiet && isBad) listener.release();
      if (isJson && (!isQuiet || isBad)) print(jsonLine(line.has('totals') ? totalsOf(report) : report));
      else if (isQuiet && isBad) print(formatReport(report));
      if (isBad) status = Math.max(status, EXIT_FAILED);
    } catch (error) {
      progress?.stop();
      listener.release();
      status = failed(error, `cannot sweep ${base}`, isJson ? { base } : undefined);
    }
  }
  return status;
}
