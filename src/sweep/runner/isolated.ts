/**
 * Running orphans' functions in a child process: `isolation: 'process'`. A function that exits, crashes or hangs costs
 * the child; the sweeper notes it, and starts another child for what is left.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { DeferredSweepError } from '../../errors.ts';
import type { RegisteredFunction } from '../../state/contents.ts';
import type { ReportedError } from '../../state/record.ts';
import type { ResolvedSweepOptions } from '../options.ts';
import { reportOf } from '../reported-error.ts';
import type { StopCondition } from '../stop.ts';
import type { TakenFile } from '../taken-file.ts';
import { type ChildEnd, runChild } from './child.ts';
import { restrictsRights, runnerExecArgv } from './exec-argv.ts';
import type { Runner } from './runner.ts';

export const runIsolated: Runner = async (files, options, stop) => {
  for (const group of groupByLaunch(files)) await runGroup(group, options, stop);
};

/** One child serves all files whose owners were started alike. */
function groupByLaunch(files: readonly TakenFile[]): TakenFile[][] {
  const groups = new Map<string, TakenFile[]>();
  for (const taken of files) {
    const { execArgv, cwd } = taken.file.header;
    const key = JSON.stringify([execArgv, cwd]);
    groups.set(key, [...(groups.get(key) ?? []), taken]);
  }
  return [...groups.values()];
}

async function runGroup(
  group: readonly TakenFile[],
  options: ResolvedSweepOptions,
  stop: StopCondition,
): Promise<void> {
  const [first] = group;
  if (!first) return;
  const { header } = first.file;
  const cwd = usableDirectory(header.cwd);
  let execArgv = runnerExecArgv(header.execArgv);
  let waiting = group;
  while (waiting.length > 0 && !stop.isReached) {
    const known = countRunnable(waiting);
    const end = await runChild(waiting, { execArgv, cwd }, options, stop);
    for (const taken of waiting) settle(taken, end);
    // It was told to stop, or everything that could be run was.
    if (end.isOrderly) return;
    const left = waiting.filter(taken => !end.failed.has(taken) && taken.runnable().length > 0);
    // It died before its first mark. One started in the same way may do so again, and for ever.
    if (countRunnable(left) === known) {
      // Stopped before it had read its request.
      if (stop.isReached) return;
      // A loader of the owner's that is no longer there, or hangs, keeps Node from starting; most functions need none.
      const isWorthPlain = execArgv.length > 0 && !restrictsRights(header.execArgv) && end.hasStarted;
      if (!isWorthPlain) {
        for (const taken of left) taken.fail(cannotStart(end));
        return;
      }
      execArgv = [];
    }
    waiting = left;
  }
}

function countRunnable(files: readonly TakenFile[]): number {
  return files.reduce((count, taken) => count + taken.runnable().length, 0);
}

/** Writes what the child could not: the end of the function it died in. */
function settle(taken: TakenFile, end: ChildEnd): void {
  try {
    taken.refreshFromOther();
    taken.endInterrupted(registered => whyItDied(registered, end));
  } catch (error) {
    taken.fail(error);
    end.failed.add(taken);
  }
}

function whyItDied({ record }: RegisteredFunction, end: ChildEnd): ReportedError {
  if (end.timedOutMs !== undefined) {
    return reportOf(
      'DEFERRED_TIMED_OUT',
      `cannot wait longer for ${record.name}: it did not finish within ${end.timedOutMs} ms, its process was killed`,
    );
  }
  return reportOf('DEFERRED_CRASHED', `${record.name} was not finished: the process that ran it ${end.how}`);
}

function cannotStart({ how, timedOutMs, error }: ChildEnd): DeferredSweepError {
  const late = timedOutMs === undefined ? '' : `, having begun none within ${timedOutMs} ms`;
  return new DeferredSweepError(
    'DEFERRED_CRASHED',
    `cannot run orphans: the runner process ${how} before it ran a function${late}`,
    {
      cause: error,
    },
  );
}

/** The owner's working directory, or the root where that is gone. */
function usableDirectory(cwd: string): string {
  try {
    accessSync(cwd, constants.X_OK);
    return statSync(cwd).isDirectory() ? cwd : '/';
  } catch {
    // Gone, not for us to enter, or no path at all: the functions that depend on it will say so.
    return '/';
  }
}
