/** One file in a runner: claims it, makes the attempts, retires it, tells the sweeper. `docs/protocol.md`, Run. */

import { setImmediate } from 'node:timers/promises';
import type { LockPatience } from '../lock/patience.ts';
import type { RegisteredFunction } from '../state/contents.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import { writeClaim } from '../sweep/claim-or-retire.ts';
import { ClaimedFile } from '../sweep/claimed-file.ts';
import { reportError } from '../sweep/reported-error.ts';
import type { StopCondition } from '../sweep/stop.ts';
import { claim } from './claim.ts';
import type { EventPipe } from './event-pipe.ts';
import type { ProcessState } from './process-state.ts';
import type { Begin, FileEnd, WorkFile } from './protocol.ts';
import { noRoomForStart, runAttempt } from './run-attempt.ts';
import { watchAfterwards, watchFunction } from './watchdog.ts';

/** What is the same for all files of a runner. */
export interface FileCircumstances extends Omit<Begin, 'kind'> {
  readonly directory: StateDirectory;
  readonly stop: StopCondition;
  readonly events: EventPipe;
  readonly patience: LockPatience;
  readonly processState: ProcessState;
}

/** Runs the file's functions. Never throws for a fault of the file. */
export async function runFile({ name, seenBytes }: WorkFile, shared: FileCircumstances): Promise<void> {
  const { directory, events } = shared;
  let isCut = false;
  const tell = (end: Omit<FileEnd, 'kind' | 'file' | 'state' | 'isCut'>): void =>
    events.say({ kind: 'file', file: name, state: 'ran', isCut, ...end });
  let claimed: Awaited<ReturnType<typeof claim>>;
  try {
    claimed = await claim(directory, name, shared.lock, shared.patience);
  } catch (error) {
    return tell({ isRetired: false, error: reportError(error) });
  }
  if (!claimed) return events.say({ kind: 'file', file: name, state: 'lost', isRetired: false, isCut });
  const { file, contents } = claimed;
  const { sweepId, maxAttempts, retryDelayMs } = shared;
  const held = new ClaimedFile(
    directory,
    file,
    contents,
    { maxAttempts, retryDelayMs },
    { sweepId, seenBytes },
  );
  try {
    writeClaim(file, shared.nonce);
    for (const registered of held.runnable()) {
      // One turn of the event loop, so that the end of the control pipe is noticed.
      await setImmediate();
      isCut = shared.stop.isReached;
      if (isCut) break;
      await runFunction(held, registered, name, shared);
    }
    held.giveUp();
    for (const id of held.buried) events.hold({ kind: 'ran', file: name, report: held.functionReport(id)! });
  } catch (error) {
    held.fail(error);
  }
  // Before the unlink: if the runner dies right after it, the sweeper knows what was done.
  held.retire(({ pending }) => tell({ isRetired: true, pending }));
  const { isRetired, pending, retryInMs, error } = held.report();
  if (!isRetired)
    tell({ isRetired, pending, ...(retryInMs !== undefined && { retryInMs }), ...(error && { error }) });
  file.close();
}

async function runFunction(
  held: ClaimedFile,
  registered: RegisteredFunction,
  name: string,
  { stop, events, processState, ...shared }: FileCircumstances,
): Promise<void> {
  const { file } = held;
  const { record } = registered;
  const timeoutMs = stop.limit(shared.timeoutMs ?? record.timeoutMs, shared.maxTimeoutMs);
  const { killGraceMs, nonce } = shared;
  const notes = await processState.restore(file.header, record);
  held.note(record.id, notes);
  watchFunction(timeoutMs, killGraceMs);
  const result = await runAttempt(file, registered, {
    nonce,
    isOrphaned: true,
    timeoutMs,
    killGraceMs,
    onMark: mark => {
      held.apply(mark);
      const { id } = record;
      if (mark.kind === 'start')
        events.say({ kind: 'start', file: name, id, name: record.name, attempt: mark.attempt, timeoutMs });
    },
  });
  watchAfterwards(timeoutMs, killGraceMs);
  if (result === 'not-started') held.leave(record.id, noRoomForStart(record.name));
  const report = held.functionReport(record.id);
  if (report) events.hold({ kind: 'ran', file: name, report });
  // The function ignores its signal, and its mark is written. End this process and all that it started.
  if (result === 'hung') {
    events.flush();
    process.kill(-process.pid, 'SIGKILL');
  }
}
