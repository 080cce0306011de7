/** A sweep whose functions run in this process: what a runner does with each file, without a runner's start. */
import { LockPatience } from '#dist/lock/patience.js';
import { freshSweepId, nonceOf } from '#dist/log/nonce.js';
import { type SweepReport, summarize } from '#dist/report/report.js';
import { CodeCheck } from '#dist/runner/code-check.js';
import { Language, LeftBehind } from '#dist/runner/left-behind.js';
import { type EventPipe, OwnDescriptor } from '#dist/runner/pipes.js';
import type { ProcessState } from '#dist/runner/process-state.js';
import type { RunnerEvent } from '#dist/runner/protocol.js';
import { runFile } from '#dist/runner/run-file.js';
import { watchFunction } from '#dist/runner/watchdog.js';
import { StateDirectory } from '#dist/state/state-directory.js';
import { monotonicMs, StopCondition } from '#dist/stop.js';
import { Looker } from '#dist/sweep/look.js';
import { resolveSweepOptions, type SweepOptions } from '#dist/sweep/options.js';
import { ReportBook } from '#dist/sweep/report-book.js';
import { currentUser } from '#dist/trust/user.js';

/** As `sweep`, once over all files, retries at once. */
export async function sweepHere(base: string, options: SweepOptions = {}): Promise<SweepReport> {
  const resolved = resolveSweepOptions({ logger: null, retryDelayMs: 0, ...options });
  const directory = new StateDirectory(base);
  const book = new ReportBook();
  const stop = StopCondition.in(resolved.deadlineMs, resolved.signal);
  const sweepId = freshSweepId();
  const patience = new LockPatience(0);
  const sweptAtMs = monotonicMs();
  const context = {
    options: resolved,
    sweepId,
    sweptAtMs,
    deaths: new Map(),
    stop,
    book,
    listener: undefined,
  };
  const looker = new Looker(directory, context, patience);
  for (const name of directory.look().stateFiles) {
    const look = await looker.look(name, { isPatienceOver: true });
    if (look.kind === 'done' || look.kind === 'locked') book.note(look.report);
    if (look.kind !== 'candidate') continue;
    book.handOver(look.path, look.report, look.inode);
    look.release();
    const hear = (event: RunnerEvent): void => {
      if (event.kind !== 'ready') book.hear(look.path, event);
    };
    const events: Pick<EventPipe, keyof EventPipe> = {
      turn: '',
      say: hear,
      hold: hear,
      sayBeforeMark: hear,
      exitIfBroken() {},
    };
    const processState = { restore: async () => [], isAsFor: () => true } as unknown as ProcessState;
    await runFile(
      { name, seenBytes: look.seenBytes },
      {
        ...resolved,
        base,
        sweepId,
        sweptAtMs,
        nonce: nonceOf(sweepId, 1),
        deadlineAtMs: undefined,
        notes: [],
        outputMark: undefined,
        outputMarks: undefined,
        directory,
        stop,
        hurry: new AbortController().signal,
        events: events as EventPipe,
        controlPipe: new OwnDescriptor(0),
        patience,
        processState,
        codeCheck: new CodeCheck(resolved.trust),
        leftBehind: new LeftBehind(),
        language: new Language(),
        user: currentUser(),
      },
    );
    book.settle(look.path);
  }
  // Else the watchdog of the last function kills this process, which has more to do than a runner.
  watchFunction(0, 0);
  return summarize(directory.path, book.reports, !book.isCut, 0);
}
