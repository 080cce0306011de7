/** The runner's program. It imports the functions of orphans, never the owner's program. `docs/protocol.md`, Run. */
import { Socket } from 'node:net';
import { DeferredSweepError } from '../errors.ts';
import { INSIDE, isInvocationOver } from '../function/current-invocation.ts';
import { LockPatience, SWEEP_PATIENCE_MS } from '../lock/patience.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { StopCondition } from '../stop.ts';
import { currentUser } from '../trust/user.ts';
import { CodeCheck } from './code-check.ts';
import { Language, LeftBehind } from './left-behind.ts';
import { LineReader } from './line-reader.ts';
import { EventPipe, OutputMarks, OwnDescriptor } from './pipes.ts';
import { ProcessState } from './process-state.ts';
import { type Asked, type Begin, CONTROL_FD, type Hurry, type Work } from './protocol.ts';
import { type FileCircumstances, runFile } from './run-file.ts';
import { watchFunction } from './watchdog.ts';

const abort = new AbortController();
const hurry = new AbortController();
const events = new EventPipe();
const controlPipe = new OwnDescriptor(CONTROL_FD);
let work = Promise.resolve();
let circumstances: FileCircumstances | undefined;

// The end of this pipe: the sweeper wants no more, or is dead. The runner finishes the function in progress.
const control = new Socket({ fd: CONTROL_FD, readable: true, writable: false });
// On `end`: `close` comes one turn of the event loop later, when the next function has begun.
control.on('end', stop).on('error', stop);
new LineReader(
  control,
  line => {
    const message = JSON.parse(line) as Asked | Hurry;
    if (message.kind === 'hurry') endNow();
    else if (message.kind === 'work') work = work.then(() => runAll(message));
    else wait(message.turn);
    if (message.kind === 'begin') circumstances = begin(message);
  },
  stop,
);

// The reader of what functions print may be gone. That must not end them.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

// A function that has settled may leave something behind that fails now. That must not end the function that runs now,
// perhaps another owner's. An error that may be the running function's ends the process, as in plain Node.
process.on('uncaughtException', error => {
  console.error(error);
  if (!isInvocationOver()) process.exit(1);
});

// The sweeper sends SIGTERM to the whole group when a function takes too long. It is meant for what the function
// started; the function itself has its AbortSignal. A runner that cannot hear of the end of its work takes it for that.
process.on('SIGTERM', () => {
  if (!controlPipe.isOpen) stop();
});

/** Its start is over. A sweep that wants it, or its first file, may be long in coming. */
function wait(turn: string): void {
  watchFunction(0, 0);
  events.turn = turn;
  events.say({ kind: 'ready' });
}

function begin(message: Begin): FileCircumstances {
  const stopCondition = new StopCondition(message.deadlineAtMs ?? Number.POSITIVE_INFINITY, abort.signal);
  process.env[INSIDE] = '1';
  return {
    ...message,
    directory: new StateDirectory(message.base, { trust: message.trust }),
    stop: stopCondition,
    hurry: hurry.signal,
    events,
    controlPipe,
    patience: new LockPatience(Math.min(SWEEP_PATIENCE_MS, stopCondition.leftMs)),
    processState: new ProcessState(message.notes),
    codeCheck: new CodeCheck(message.trust),
    leftBehind: new LeftBehind(),
    language: new Language(),
    user: currentUser(),
    outputMarks: message.outputMark === undefined ? undefined : new OutputMarks(message.outputMark),
  };
}

/** The function in progress has the grace, and no other begins: the end of the pipe may be noticed after it has ended. */
function endNow(): void {
  hurry.abort(
    new DeferredSweepError('DEFERRED_TIMED_OUT', 'cannot finish the function: its sweep was told to end'),
  );
  stop();
}

async function runAll({ files, turn }: Extract<Asked, Work>): Promise<void> {
  if (!circumstances) return;
  events.turn = turn;
  for (const file of files) {
    if (abort.signal.aborted) return;
    await runFile(file, circumstances);
  }
  // Told to stop in the last file, it may have left some of that.
  if (!abort.signal.aborted) events.say({ kind: 'ready' });
}

function stop(): void {
  if (abort.signal.aborted) return;
  abort.abort();
  void work.then(end);
}

async function end(): Promise<void> {
  if (circumstances && !hurry.signal.aborted)
    await circumstances.leftBehind.waitFor(circumstances.killGraceMs);
  // The watchdog of the last function is still set, so a slow exit handler of that function is bounded.
  process.exit(0);
}
