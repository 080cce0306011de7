/** The cleanup of a node that shuts down, or of a workflow's last worker. `docs/protocol.md`, Cleanup. */
import { performance } from 'node:perf_hooks';
import { hasCode } from '../errors.ts';
import {
  type FileReport,
  laterReport,
  nextRunInMs,
  refusedReport,
  type SweepReport,
  summarize,
} from '../report/report.ts';
import { defaultBase } from '../state/default-base.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { monotonicMs, StopCondition } from '../stop.ts';
import type { SweepListener } from './listener.ts';
import {
  directoryOptions,
  type ResolvedSweepOptions,
  resolveSweepOptions,
  type SweepOptions,
} from './options.ts';
import { sweepDirectory } from './sweep.ts';

/**
 * Sweeps `<stateDirBase>/deferred` until every orphan's function is done or given up, then removes the directory if it
 * is empty. Waits until next attempts are due, within its deadline. Never touches a file that it did not lock.
 * @throws as `sweep`
 */
export async function cleanup(
  stateDirBase: string = defaultBase(),
  options?: SweepOptions,
): Promise<SweepReport> {
  const resolved = resolveSweepOptions(options);
  const stop = StopCondition.in(resolved.deadlineMs, resolved.signal);
  return cleanUpDirectory(new StateDirectory(stateDirBase, directoryOptions(resolved)), resolved, stop);
}

/** As {@link cleanup}. */
export async function cleanUpDirectory(
  directory: StateDirectory,
  options: ResolvedSweepOptions,
  stop: StopCondition,
  particulars: { readonly listener?: SweepListener } = {},
): Promise<SweepReport> {
  const startMs = performance.now();
  // One wait for all rounds.
  const waitUntilMs = monotonicMs() + options.waitMs;
  const files = new Map<string, FileReport>();
  let isComplete = true;
  for (;;) {
    let report: SweepReport;
    try {
      const left = { ...options, waitMs: Math.max(0, waitUntilMs - monotonicMs()) };
      report = await sweepDirectory(directory, left, stop, particulars);
    } catch (error) {
      if (files.size === 0 || !hasCode(error, 'DEFERRED_STATE_IO', 'DEFERRED_UNSAFE_DIRECTORY')) throw error;
      // An earlier round has run functions. Report them.
      files.set(directory.path, refusedReport(directory.path, error));
      isComplete = false;
      break;
    }
    isComplete = report.isComplete;
    let inMs = Number.POSITIVE_INFINITY;
    for (const file of report.files) {
      files.set(file.path, laterReport(files.get(file.path), file));
      inMs = Math.min(inMs, nextRunInMs(file) ?? inMs);
    }
    // This ends: each round uses up an attempt of each function that fails. A round without an attempt is the last.
    if (!isComplete || inMs === Number.POSITIVE_INFINITY) break;
    if (inMs >= stop.leftMs || !(await stop.waited(inMs))) {
      isComplete = false;
      break;
    }
  }
  try {
    directory.removeIfEmpty();
  } catch (error) {
    // The report is worth more than an empty directory.
    if (!hasCode(error, 'DEFERRED_STATE_IO')) throw error;
    files.set(directory.path, refusedReport(directory.path, error));
  }
  return summarize(directory.path, [...files.values()], isComplete, performance.now() - startMs);
}
