/** The verbs `sweep` and `cleanup`. */
import { printableJson } from '../../printable.ts';
import { hasProblems, type SweepReport, totalsOf } from '../../report/report.ts';
import { reportError } from '../../report/reported-error.ts';
import { StateDirectory } from '../../state/state-directory.ts';
import { cleanup } from '../../sweep/cleanup.ts';
import type { SweepOptions } from '../../sweep/options.ts';
import { sweep } from '../../sweep/sweep.ts';
import { resolveTrust } from '../../trust/trust.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_SWEPT, UsageError } from '../exit.ts';
import { formatReport } from '../format.ts';
import type { OptionName } from '../options.ts';
import { print, say, warn } from '../output.ts';
import { withStopSignals } from '../stop-signals.ts';

export async function runSweep(line: Arguments): Promise<number> {
  if (line.has('all-users')) return runForAllUsers(line);
  if (line.has('user')) throw new UsageError('--user needs --all-users');
  return runOver(line, sweep);
}

export async function runCleanup(line: Arguments): Promise<number> {
  if (line.operands.length > 1) throw new UsageError(`cleanup takes one BASE, got ${line.operands.length}`);
  return runOver(line, cleanup);
}

const FOR_ALL_USERS: readonly OptionName[] = ['all-users', 'user', 'json', 'timeout', 'exit-zero'];

async function runForAllUsers(line: Arguments): Promise<number> {
  const [root, ...more] = line.operands;
  if (root === undefined || more.length > 0) throw new UsageError('--all-users takes one BASE');
  for (const name of line.names) {
    if (!FOR_ALL_USERS.includes(name)) throw new UsageError(`--all-users does not take --${name}`);
  }
  const { runAllUsers } = await import('../all-users.ts');
  const status = await runAllUsers({
    root,
    users: line.has('user') ? line.users('user') : undefined,
    timeoutMs: line.time('timeout'),
    isJson: line.has('json'),
  });
  return line.has('exit-zero') ? EXIT_DONE : status;
}

async function runOver(line: Arguments, run: typeof sweep): Promise<number> {
  if (line.has('totals') && !line.has('json')) throw new UsageError('--totals needs --json');
  const options = sweepOptions(line);
  const metricsFile = line.text('metrics-file');
  const bases = basesOf(line.operands, process.env);
  if (line.has('dry-run')) return (await import('./dry-run.ts')).runDryRun(line, bases, options);
  const reports: SweepReport[] = [];
  let status = await withStopSignals(signal => runEach(line, bases, run, { ...options, signal }, reports));
  if (metricsFile !== undefined) {
    const { writeMetrics } = await import('../metrics.ts');
    if (!(await writeMetrics(metricsFile, bases, reports, options, status)))
      status = Math.max(status, EXIT_FAILED);
  }
  return line.has('exit-zero') ? EXIT_DONE : status;
}

/** One bad base keeps none of the others from it. */
async function runEach(
  line: Arguments,
  bases: readonly string[],
  run: typeof sweep,
  options: SweepOptions,
  reports: SweepReport[],
): Promise<number> {
  let status = EXIT_DONE;
  for (const base of bases) {
    try {
      warnOf(base, options);
      const report = await run(base, options);
      reports.push(report);
      if (!line.has('quiet') || hasProblems(report))
        print(line.has('json') ? jsonLine(line, report) : formatReport(report));
      if (hasProblems(report)) status = Math.max(status, EXIT_FAILED);
    } catch (error) {
      const reported = reportError(error);
      if (line.has('json')) print(`${printableJson({ base, error: reported })}\n`);
      say(`cannot sweep ${base}: ${reported.message}`);
      status = EXIT_NOT_SWEPT;
    }
  }
  return status;
}

function jsonLine(line: Arguments, report: SweepReport): string {
  return `${printableJson(line.has('totals') ? totalsOf(report) : report)}\n`;
}

function sweepOptions(line: Arguments): SweepOptions {
  return {
    timeoutMs: line.time('timeout'),
    maxTimeoutMs: line.time('max-timeout'),
    deadlineMs: line.time('deadline'),
    killGraceMs: line.time('grace'),
    waitMs: line.time('wait'),
    concurrency: line.count('concurrency'),
    onlyLabel: line.text('label'),
    ...line.trust,
    // The report says it all.
    logger: null,
  };
}

/** The report does not say what is not forbidden. */
function warnOf(base: string, { trustedPaths = [], trustedGroups = [] }: SweepOptions): void {
  new StateDirectory(base, { trust: resolveTrust(trustedPaths, trustedGroups), warn }).inspect();
}
