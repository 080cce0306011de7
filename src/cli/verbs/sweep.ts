/** The verbs `sweep` and `cleanup`. */
import { hasProblems, type SweepReport } from '../../report/report.ts';
import { StateDirectory } from '../../state/state-directory.ts';
import { monotonicMs, StopCondition } from '../../stop.ts';
import { cleanUpDirectory } from '../../sweep/cleanup.ts';
import { resolveSweepOptions, type SweepOptions } from '../../sweep/options.ts';
import { sweepDirectory } from '../../sweep/sweep.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import { LiveReport } from '../output/live-report.ts';
import { forEachBase } from '../output/output.ts';
import { withStopSignals } from '../stop-signals.ts';

export async function runSweep(line: Arguments): Promise<number> {
  if (line.has('all-users')) return (await import('./all-users.ts')).runAllUsers(line);
  for (const name of ['user', 'user-timeout'] as const)
    if (line.has(name)) throw new UsageError(`--${name} needs --all-users`);
  return runOver(line, sweepDirectory);
}

export async function runCleanup(line: Arguments): Promise<number> {
  if (line.operands.length > 1) throw new UsageError(`cleanup takes one BASE, got ${line.operands.length}`);
  return runOver(line, cleanUpDirectory);
}

async function runOver(line: Arguments, run: typeof cleanUpDirectory): Promise<number> {
  const options = line.onceOptions;
  const metricsFile = line.text('metrics-file');
  if (line.has('dry-run') && metricsFile !== undefined)
    throw new UsageError('--dry-run writes nothing: it does not go with --metrics-file');
  const bases = basesOf(line);
  if (line.has('dry-run')) return (await import('./list.ts')).runDryRun(line, bases, options);
  const reports: SweepReport[] = [];
  let status = await withStopSignals(signal => sweepEach(line, bases, run, { ...options, signal }, reports));
  if (metricsFile !== undefined) {
    const { figuresOf, writeMetrics } = await import('../metrics.ts');
    if (!(await writeMetrics(metricsFile, reports.map(figuresOf), options, status)))
      status = Math.max(status, EXIT_FAILED);
  }
  return status;
}

/** Sweeps one directory after the other, and tells of each. One bad base keeps none of the others from it. */
async function sweepEach(
  line: Arguments,
  bases: readonly string[],
  run: typeof cleanUpDirectory,
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
      const report = await run(directory, left, stop, { listener });
      reports.push(report);
      listener.finish(report);
      return hasProblems(report) ? EXIT_FAILED : EXIT_DONE;
    } catch (error) {
      listener.end(true);
      throw error;
    }
  });
}
