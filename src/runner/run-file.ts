/** One file in a runner: claims it, makes the attempts, retires it, tells the sweeper. `docs/protocol.md`, Run. */

import { ClaimedFile } from '../attempt/claimed-file.ts';
import { noRoomForStart, runAttempt, writeClaim } from '../attempt/run-attempt.ts';
import { DeferredSweepError, unlessRefused } from '../errors.ts';
import { wholeTurn } from '../event-loop.ts';
import type { LockPatience } from '../lock/patience.ts';
import type { RegisteredFunction } from '../log/registered-function.ts';
import { hasUsedUp } from '../log/retry-policy.ts';
import { reportError } from '../report/reported-error.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import { systemReason } from '../state/system-reason.ts';
import type { StopCondition } from '../stop.ts';
import { changeOfUser, type ProcessUser } from '../trust/user.ts';
import { claim } from './claim.ts';
import type { CodeCheck } from './code-check.ts';
import type { Language, LeftBehind } from './left-behind.ts';
import type { EventPipe, OutputMarks, OwnDescriptor } from './pipes.ts';
import type { ProcessState } from './process-state.ts';
import type { Begin, FileNews, WorkFile } from './protocol.ts';
import { watchFunction } from './watchdog.ts';

/** A function may leave a timer or an exit handler behind. That has at least this long. */
const LEAST_AFTERWARDS_MS = 5000;

/** What is the same for all files of a runner. */
export interface FileCircumstances extends Omit<Begin, 'kind'> {
  readonly directory: StateDirectory;
  readonly stop: StopCondition;
  /** Aborts the signal of the function in progress. */
  readonly hurry: AbortSignal;
  readonly events: EventPipe;
  readonly controlPipe: OwnDescriptor;
  readonly patience: LockPatience;
  readonly processState: ProcessState;
  readonly codeCheck: CodeCheck;
  readonly outputMarks: OutputMarks | undefined;
  readonly leftBehind: LeftBehind;
  readonly language: Language;
  /** Whose process this was at its start. */
  readonly user: ProcessUser;
}

/** Runs the file's functions. Never throws for a fault of the file. */
export async function runFile(
  { name, seenBytes, lastBegun }: WorkFile,
  shared: FileCircumstances,
): Promise<void> {
  const { directory, events } = shared;
  let isCut = false;
  const tell = (report?: FileNews): void =>
    events.say({ kind: 'file', file: name, isCut, ...(report && { report }) });
  let claimed: Awaited<ReturnType<typeof claim>>;
  try {
    claimed = await claim(directory, name, shared.lock, shared.patience);
  } catch (error) {
    exitIfBlamed(error, shared);
    return tell({ isRetired: false, error: reportError(notClaimed(directory.pathOf(name), error)) });
  }
  if (!claimed) return tell();
  const { file, contents } = claimed;
  const limits = { sweepId: shared.sweepId, sweptAtMs: shared.sweptAtMs, seenBytes, lastBegun };
  const held = new ClaimedFile(directory, file, contents, shared, limits);
  try {
    writeClaim(file, shared.nonce);
    for (const registered of held.runnable()) {
      // So that a word of the sweeper, or its end, is noticed.
      await wholeTurn();
      if (!shared.processState.isAsFor(file.header, registered.record)) await waitForRest(held, shared);
      isCut = shared.stop.isReached;
      if (isCut) break;
      await runFunction(held, registered, name, shared);
    }
    held.giveUp();
    for (const id of held.buried) events.hold({ kind: 'ran', file: name, report: held.functionReport(id)! });
  } catch (error) {
    exitIfBlamed(error, shared);
    held.fail(error);
  }
  // Before the unlink: if the runner dies right after it, the sweeper knows what was done.
  const isRetired = held.retire(() => tell({ isRetired: true, pending: 0 }));
  if (!isRetired) {
    const { pending, retryInMs, error } = held.report();
    tell({ isRetired, pending, ...(retryInMs !== undefined && { retryInMs }), ...(error && { error }) });
  }
  const { keepsOpen, fillsHeap } = shared.leftBehind;
  file.close();
  if (!keepsOpen && !fillsHeap) return;
  // Functions of other owners would find no descriptor, or no memory. Another runner has them all.
  await shared.leftBehind.waitFor(shared.killGraceMs);
  process.exit(0);
}

function notClaimed(path: string, error: unknown): DeferredSweepError {
  if (error instanceof DeferredSweepError) return error;
  const message = `cannot sweep ${path}: ${systemReason(error)}`;
  return new DeferredSweepError('DEFERRED_STATE_IO', message, { path, cause: error });
}

/** The sweeper looks at the file again, and another runner, in whose language nothing is changed, runs the rest. */
function exitIfBlamed(error: unknown, { language }: FileCircumstances): void {
  if (language.isBlamedFor(error)) process.exit(1);
}

/** What functions left behind would go on in the next one's directory, with its umask and environment. */
async function waitForRest(held: ClaimedFile, { leftBehind, killGraceMs }: FileCircumstances): Promise<void> {
  await leftBehind.waitFor(killGraceMs);
  if (leftBehind.isThere) endForRest(held);
}

/** Another runner has the rest, and none of what functions did to this one. A mark that could not be written is tried once more. */
function endForRest(held: ClaimedFile): never {
  held.attempt(() => held.file.settleMarks());
  process.exit(0);
}

async function runFunction(
  held: ClaimedFile,
  registered: RegisteredFunction,
  name: string,
  shared: FileCircumstances,
): Promise<void> {
  const { file } = held;
  const { record } = registered;
  const { stop, events, processState, codeCheck, killGraceMs, nonce } = shared;
  const timeoutMs = stop.limit(shared.timeoutMs ?? record.timeoutMs, shared.maxTimeoutMs);
  const notes = processState.restore(file.header, record);
  held.note(record.id, notes);
  if (shared.outputMarks) await shared.outputMarks.begin(record.name);
  // Before the start mark: an earlier function may have left something that closed the pipe since.
  events.exitIfBroken();
  watchFunction(timeoutMs, killGraceMs);
  shared.language.expose();
  const result = await runAttempt(file, registered, {
    nonce,
    isOrphaned: true,
    timeoutMs,
    killGraceMs,
    lost: shared.hurry,
    check: descriptor => codeCheck.check(descriptor, record.codeOwners ?? []),
    onMark: mark => {
      held.apply(mark);
      const { id, name: title } = record;
      if (mark.kind === 'start') {
        const { attempt } = mark;
        const isLast = hasUsedUp(registered, shared);
        events.say({ kind: 'start', file: name, id, name: title, attempt, timeoutMs, isLast });
      } else events.sayBeforeMark({ kind: 'ran', file: name, report: held.functionReport(id)! });
    },
  });
  // Now of what it left behind, and of the runner's own steps until the next function or the exit.
  watchFunction(timeoutMs === 0 ? 0 : Math.max(timeoutMs, LEAST_AFTERWARDS_MS), killGraceMs);
  if (result === 'not-started') held.leave(record.id, noRoomForStart(record.name));
  // It goes on whatever it was told. Its mark is written; the process and all it started must end.
  if (result === 'hung') endGroup();
  events.exitIfBroken();
  // What comes next would run with the rights that this function has left.
  if (changeOfUser(shared.user) !== undefined) endForRest(held);
  // A runner without its pipe, of which it heard no end, would wait in vain for more files.
  const isCutOff = !shared.controlPipe.isOpen && !stop.isReached;
  if (!shared.language.isChanged && !isCutOff) return;
  await shared.leftBehind.waitFor(killGraceMs);
  endForRest(held);
}

/** Where a sandbox refuses setsid(2), and so a group of its own, or kill(2), the runner ends alone. */
function endGroup(): never {
  unlessRefused(() => process.kill(-process.pid, 'SIGKILL'), undefined);
  process.exit(1);
}
