/** The verbs `sweep` and `cleanup`. */
import { printable, printableJson } from '../printable.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { resolveTrust } from '../state/trust.ts';
import { cleanup } from '../sweep/cleanup.ts';
import type { SweepOptions } from '../sweep/options.ts';
import { hasProblems } from '../sweep/report.ts';
import { reportError } from '../sweep/reported-error.ts';
import { sweep } from '../sweep/sweep.ts';
import type { SweepLine } from './arguments.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_SWEPT } from './exit.ts';
import { formatReport } from './format.ts';

/** Sweeps every base and prints its report; returns the exit status. One bad base keeps none of the others from it. */
export async function runSweep(line: SweepLine): Promise<number> {
  const abort = new AbortController();
  // Finish the function in progress, leave the rest registered, report.
  const stop = (): void => abort.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  const options: SweepOptions = {
    timeoutMs: line.timeoutMs,
    trustedPaths: line.trustedPaths,
    trustedGroups: line.trustedGroups,
    signal: abort.signal,
    // The report says it all.
    logger: null,
  };
  const run = line.verb === 'cleanup' ? cleanup : sweep;
  const write = writeStandardOutput;
  let status = EXIT_DONE;
  for (const base of line.bases) {
    try {
      // The report does not say it.
      new StateDirectory(base, {
        trust: resolveTrust(line.trustedPaths, line.trustedGroups),
        warn,
      }).inspect();
      const report = await run(base, options);
      write(line.isJson ? `${printableJson(report)}\n` : formatReport(report));
      if (hasProblems(report)) status = Math.max(status, EXIT_FAILED);
    } catch (error) {
      const reported = reportError(error);
      if (line.isJson) write(`${printableJson({ base, error: reported })}\n`);
      process.stderr.write(`${printable(`deferred-sweep: cannot sweep ${base}: ${reported.message}`)}\n`);
      status = EXIT_NOT_SWEPT;
    }
  }
  process.removeListener('SIGINT', stop).removeListener('SIGTERM', stop);
  return status;
}

function warn(message: string): void {
  process.stderr.write(`${printable(message)}\n`);
}

function writeStandardOutput(text: string): void {
  process.stdout.write(text);
}
