import { type ChildProcess, spawn } from 'node:child_process';
import { DeferredSweepError } from '../../errors.ts';
import { EVENT_FD } from '../../runner/protocol.ts';
import { isPlainNode } from '../../state/node-start.ts';
import { withoutForeignDescriptors } from './foreign-descriptors.ts';
import { type Launch, runnerArgv, runnerEnvironment } from './launch.ts';

/** What a runner has to begin, unless the sweep says how long functions may take. */
export const START_MS = 60_000;
/** Least limit of a start: the runner loads the owner's loaders, and the machine may be busy. */
export const LEAST_START_MS = 10_000;

/** The limit of a start, in milliseconds; 0 is none. @param timeoutMs - the sweep's limit for functions */
export function startLimit(timeoutMs: number = START_MS): number {
  return timeoutMs === 0 ? 0 : Math.max(timeoutMs, LEAST_START_MS);
}

/**
 * Starts the process of a runner.
 * @param limitsMs - of its own watchdog: until it begins, and the grace
 * @throws Error of Node's shape, Node's own refusals; DeferredSweepError `DEFERRED_UNSUPPORTED` where the application would start
 */
export function startRunner(launch: Launch, limitsMs: readonly number[]): ChildProcess {
  if (launch.nodePath === process.execPath && !isPlainNode())
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      `cannot start a runner: ${process.execPath} is Electron or a single executable application, and would start itself; sweep with the command deferred-sweep`,
      { path: process.execPath },
    );
  return withoutForeignDescriptors(EVENT_FD, extra =>
    spawn(launch.nodePath, runnerArgv(launch, limitsMs), {
      cwd: launch.directory,
      env: runnerEnvironment(launch),
      // A group of its own, so that what its functions started can be ended with it.
      detached: true,
      // Pipes of its own: with the caller's it would keep a reader of those waiting. What cleanups print goes to standard
      // error, since standard output may be a report.
      stdio: ['ignore', 'pipe', 'pipe', 'pipe', 'pipe', ...extra],
    }),
  );
}
