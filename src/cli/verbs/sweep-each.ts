/** Sweeps one directory after the other, and tells of each. */
import { hasProblems, type SweepReport } from '../../report/report.ts';
import { StateDirectory } from '../../state/state-directory.ts';
import { monotonicMs, StopCondition } from '../../stop.ts';
import { cleanUpDirectory } from '../../sweep/cleanup.ts';
import { resolveSweepOptions, type SweepOptions } from '../../sweep/options.ts';
import { sweepDirectory } from '../../sweep/sweep.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { LiveReport } from '../output/live-report.ts';
import { forEachBase } from '../output/output.ts';

/** One bad base keeps none of the others from it. */
export async function sweepEach(
  line: Arguments,
  bases: readonly string[],
  isCleanup: boolean,
  options: SweepOptions,
  reports: SweepReport[],
): Promise<number> {
  const resolved = resolveSweepOptions(options);
  // One deadline and one wait for all of them.
  const stop = StopCondition.in(resolved.deadlineMs, resolved.signal);
  const waitUntilMs = monotonicMs() + resolved.waitMs;
  return forEachBase(bases, 'sweep', line.has('json'), async base => {
    const listener = new LiveReport(line);
    try {
      const { trust } = resolved;
      const directory = new StateDirectory(base, { trust, warn: message => listener.warn(message) });
      const left = { ...resolved, waitMs: Math.max(0, waitUntilMs - monotonicMs()) };
      const run = isCleanup ? cleanUpDirectory : sweepDirectory;
      const report = await run(directory, left, stop, { listener });
      reports.push(report);
      listener.finish(report);
      return hasProblems(report) ? EXIT_FAILED : EXIT_DONE;
    } catch (error) {
      listener.fail();
      throw error;
    }
  });
}
