/** What is done when the node, or the last worker of a workflow, shuts down. */
import { performance } from 'node:perf_hooks';
import { hasCode } from '../errors.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { directoryOptions, resolveSweepOptions, type SweepOptions } from './options.ts';
import { type FileReport, refusedReport, type SweepReport, summarize } from './report.ts';
import { sweepDirectory } from './sweep.ts';

/**
 * Sweeps `<stateDirBase>/deferred` until every orphan's function is done or has used up its attempts, then removes the
 * directory if nothing is left in it. Never touches a file it did not lock.
 * @throws as `sweep`
 */
export async function cleanup(stateDirBase: string, options?: SweepOptions): Promise<SweepReport> {
  const startMs = performance.now();
  const resolved = resolveSweepOptions(options);
  const directory = new StateDirectory(stateDirBase, directoryOptions(resolved));
  const files = new Map<string, FileReport>();
  let isComplete = true;
  for (;;) {
    const elapsedMs = performance.now() - startMs;
    const leftMs = resolved.deadlineMs === 0 ? 0 : Math.max(1, resolved.deadlineMs - elapsedMs);
    let report: SweepReport;
    try {
      report = await sweepDirectory(directory, { ...resolved, deadlineMs: leftMs });
    } catch (error) {
      if (files.size === 0 || !hasCode(error, 'DEFERRED_STATE_IO')) throw error;
      // What was run already is reported all the same.
      files.set(directory.path, refusedReport(directory.path, error));
      isComplete = false;
      break;
    }
    for (const file of report.files) files.set(file.path, merged(files.get(file.path), file));
    isComplete = report.isComplete;
    // Each round uses up an attempt of each function that fails, so this ends; a round without an attempt is the last.
    const canGoOn = report.files.some(file => file.pending > 0 && file.functions.length > 0 && !file.error);
    if (!isComplete || !canGoOn) break;
  }
  try {
    directory.removeIfEmpty();
  } catch (error) {
    // The report of what was run is worth more than an empty directory.
    if (!hasCode(error, 'DEFERRED_STATE_IO')) throw error;
    files.set(directory.path, refusedReport(directory.path, error));
  }
  return summarize(directory.path, [...files.values()], isComplete, performance.now() - startMs);
}

/** The later report of a file, with the last word on every function it ever ran. */
function merged(before: FileReport | undefined, now: FileReport): FileReport {
  if (!before) return now;
  const functions = new Map([...before.functions, ...now.functions].map(ran => [ran.id, ran]));
  return { ...now, functions: [...functions.values()] };
}
