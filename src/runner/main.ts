/**
 * The process that claims orphans and runs their functions. Its sweeper names files to it and keeps its time:
 * `protocol.ts` says how. It imports functions, never the program. `docs/protocol.md`, Run.
 */
import { Socket } from 'node:net';
import { INSIDE, isInvocationOver } from '../function/invocation.ts';
import { LockPatience } from '../lock/patience.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { StopCondition } from '../sweep/stop.ts';
import { EventPipe } from './event-pipe.ts';
import { LineReader } from './line-reader.ts';
import { ProcessState } from './process-state.ts';
import { type Begin, CONTROL_FD, type Work } from './protocol.ts';
import { type FileCircumstances, runFile } from './run-file.ts';
import { watchNothing } from './watchdog.ts';

/** How long the lock of a sick file server is asked for, for all files of a runner together. */
const LOCK_PATIENCE_MS = 5000;

const abort = new AbortController();
const events = new EventPipe();
let work = Promise.resolve();
let circumstances: FileCircumstances | undefined;

// The sweeper wants no more, or is gone: finish the function in progress, leave the rest.
const control = new Socket({ fd: CONTROL_FD, readable: true, writable: false });
// `end`, since `close` comes a turn of the event loop later, when the next function has begun.
control.on('end', stop).on('error', stop);
new LineReader(
  control,
  line => {
    const message = JSON.parse(line) as Begin | Work;
    if (message.kind === 'begin') circumstances = begin(message);
    else work = work.then(() => runAll(message));
  },
  stop,
);

// What functions print may go to a pipe whose reader is gone: no reason to end them.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

// What a function left behind when it settled and fails now is nothing to the function that runs now, perhaps another
// owner's. What cannot be told apart from that one ends the process, as it would end Node.
process.on('uncaughtException', error => {
  console.error(error);
  if (!isInvocationOver()) process.exit(1);
});

// Sent to the whole group when a function takes too long: for what the function started. It has its signal.
process.on('SIGTERM', () => {});

function begin(message: Begin): FileCircumstances {
  const stopCondition = new StopCondition(message.deadlineAtMs ?? Number.POSITIVE_INFINITY, abort.signal);
  watchNothing();
  process.env[INSIDE] = '1';
  events.say({ kind: 'ready' });
  return {
    ...message,
    directory: new StateDirectory(message.base, { trust: message.trust }),
    stop: stopCondition,
    events,
    patience: new LockPatience(Math.min(LOCK_PATIENCE_MS, stopCondition.leftMs)),
    processState: new ProcessState(message.notes),
  };
}

async function runAll({ files }: Work): Promise<void> {
  if (!circumstances) return;
  for (const file of files) {
    if (abort.signal.aborted) return;
    await runFile(file, circumstances);
  }
  events.say({ kind: 'ready' });
}

function stop(): void {
  if (abort.signal.aborted) return;
  abort.abort();
  // An exit handler of a function may take its time; the watchdog of that function is still set.
  void work.then(() => process.exit(0));
}
