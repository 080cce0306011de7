/** The verbs `sweep` and `cleanup`. */
import type { SweepReport } from '../../report/report.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_FAILED, UsageError } from '../exit.ts';
import { withStopSignals } from '../stop-signals.ts';

export async function runSweep(line: Arguments): Promise<number> {
  if (line.has('all-users')) return (await import('./all-users.ts')).runAllUsers(line);
  for (const name of ['user', 'user-timeout'] as const)
    if (line.has(name)) throw new UsageError(`--${name} needs --all-users`);
  return runOver(line, false);
}

export async function runCleanup(line: Arguments): Promise<number> {
  if (line.operands.length > 1) throw new UsageError(`cleanup takes one BASE, got ${line.operands.length}`);
  return runOver(line, true);
}

async function runOver(line: Arguments, isCleanup: boolean): Promise<number> {
  const options = line.onceOptions;
  const metricsFile = line.text('metrics-file');
  if (line.has('dry-run') && metricsFile !== undefined)
    throw new UsageError('--dry-run writes nothing: it does not go with --metrics-file');
  const bases = basesOf(line);
  if (line.has('dry-run')) return (await import('./dry-run.ts')).runDryRun(line, bases, options);
  const reports: SweepReport[] = [];
  const { sweepEach } = await import('./sweep-each.ts');
  let status = await withStopSignals(signal =>
    sweepEach(line, bases, isCleanup, { ...options, signal }, reports),
  );
  if (metricsFile !== undefined) {
    const { figuresOf, writeMetrics } = await import('../metrics.ts');
    if (!(await writeMetrics(metricsFile, bases, reports.map(figuresOf), options, status)))
      status = Math.max(status, EXIT_FAILED);
  }
  return status;
}
