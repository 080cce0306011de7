/** The verbs `sweep` and `cleanup`. */
import { printableJson } from '../../printable.ts';
import { hasProblems, type SweepReport, totalsOf } from '../../report/report.ts';
import { reportError } from '../../report/reported-error.ts';
import { StateDirectory } from '../../state/state-directory.ts';
import { StopCondition } from '../../stop.ts';
import { cleanUpDirectory } from '../../sweep/cleanup.ts';
import { resolveSweepOptions, type SweepOptions } from '../../sweep/options.ts';
import { sweepDirectory } from '../../sweep/sweep.ts';
import type { Arguments } from '../arguments.ts';
import { basesOf } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_SWEPT, UsageError } from '../exit.ts';
import type { OptionName } from '../options.ts';
import { formatReport } from '../output/format.ts';
import { LiveReport } from '../output/live-report.ts';
import { print, say, warn } from '../output/output.ts';
import { Progress } from '../output/progress.ts';
import { withStopSignals } from '../stop-signals.ts';

export async function runSweep(line: Arguments): Promise<number> {
  if (line.has('all-users')) return runForAllUsers(line);
  if (line.has('user')) throw new UsageError('--user needs --all-users');
  return runOver(line, sweepDirectory);
}

export async function runCleanup(line: Arguments): Promise<number> {
  if (line.operands.length > 1) throw new UsageError(`cleanup takes one BASE, got ${line.operands.length}`);
  return runOver(line, cleanUpDirectory);
}

const FOR_ALL_USERS: readonly OptionName[] = [
  'all-users',
  'user',
  'json',
  'quiet',
  'exit-zero',
  'label',
  'deadline',
  'timeout',
  'grace',
  'wait',
];

async function runForAllUsers(line: Arguments): Promise<number> {
  const [root, ...more] = line.operands;
  if (root === undefined || more.length > 0) throw new UsageError('--all-users takes one BASE');
  for (const name of line.names) {
    if (!FOR_ALL_USERS.includes(name)) throw new UsageError(`--all-users does not take --${name}`);
  }
  const { runAllUsers } = await import('../all-users.ts');
  const status = await runAllUsers({
    root,
    options: {
      users: line.has('user') ? line.users('user') : undefined,
      timeoutMs: line.time('timeout'),
      deadlineMs: line.time('deadline'),
      killGraceMs: line.time('grace'),
      waitMs: line.time('wait'),
      onlyLabel: line.text('label'),
    },
    isJson: line.has('json'),
    isQuiet: line.has('quiet'),
  });
  return line.has('exit-zero') ? EXIT_DONE : status;
}

type Run = typeof cleanUpDirectory;

async function runOver(line: Arguments, run: Run): Promise<number> {
  if (line.has('totals') && !line.has('json')) throw new UsageError('--totals needs --json');
  const options = sweepOptions(line);
  const metricsFile = line.text('metrics-file');
  const bases = basesOf(line.operands, process.env);
  if (line.has('dry-run')) return (await import('./dry-run.ts')).runDryRun(line, bases, options);
  const reports: SweepReport[] = [];
  let status = await withStopSignals(signal => runEach(line, bases, run, { ...options, signal }, reports));
  if (metricsFile !== undefined) {
    const { figuresOf, writeMetrics } = await import('../metrics.ts');
    if (!(await writeMetrics(metricsFile, bases, reports.map(figuresOf), options, status)))
      status = Math.max(status, EXIT_FAILED);
  }
  return line.has('exit-zero') ? EXIT_DONE : status;
}

/** One bad base keeps none of the others from it. */
async function runEach(
  line: Arguments,
  bases: readonly string[],
  run: Run,
  options: SweepOptions,
  reports: SweepReport[],
): Promise<number> {
  const resolved = resolveSweepOptions(options);
  const isQuiet = line.has('quiet');
  const isJson = line.has('json');
  let status = EXIT_DONE;
  for (const base of bases) {
    const progress = isQuiet ? undefined : Progress.on(process.stderr, process.env);
    const listener = new LiveReport({ isTold: !isQuiet && !isJson, isHeld: isQuiet, progress });
    try {
      // The report does not say what is not forbidden.
      const directory = new StateDirectory(base, {
        trust: resolved.trust,
        warn: message => {
          progress?.clear();
          warn(message);
        },
      });
      const stop = StopCondition.in(resolved.deadlineMs, resolved.signal);
      const report = await run(directory, resolved, stop, { listener });
      reports.push(report);
      listener.finish(report);
      const isBad = hasProblems(report);
      if (isQuiet && isBad) listener.release();
      if (isJson && (!isQuiet || isBad)) print(jsonLine(line, report));
      else if (isQuiet && isBad) print(formatReport(report));
      if (isBad) status = Math.max(status, EXIT_FAILED);
    } catch (error) {
      progress?.stop();
      listener.release();
      const reported = reportError(error);
      if (isJson) print(`${printableJson({ base, error: reported })}\n`);
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
