/**
 * The child process that runs orphans' functions for a sweeper. `protocol.ts` says what it is told and what it tells.
 * It holds the files' locks by their inherited descriptors: nobody else touches them before it is gone.
 */
import { readSync, writeSync } from 'node:fs';
import { Socket } from 'node:net';
import { setImmediate } from 'node:timers/promises';
import { DeferredSweepError, systemErrorCode } from '../../errors.ts';
import { isInvocationOver } from '../../function/invocation.ts';
import { replay } from '../../state/contents.ts';
import { readAll } from '../../state/read-all.ts';
import { StateFile } from '../../state/state-file.ts';
import { reportError } from '../reported-error.ts';
import { noRoomForStart, runFunction } from '../run-function.ts';
import { StopCondition } from '../stop.ts';
import { CONTROL_FD, EVENT_FD, FIRST_FILE_FD, type RunEvent, type RunRequest } from './protocol.ts';
import { keepSurroundings } from './surroundings.ts';
import { watchAfterwards, watchFunction } from './watchdog.ts';

const request = readRequest();
const restoreSurroundings = keepSurroundings();
const abort = new AbortController();
const stop = new StopCondition(request.deadlineMs, abort.signal);

// Its sweeper tells it to stop, or is gone: finish the function in progress, leave the rest.
const control = new Socket({ fd: CONTROL_FD, readable: true, writable: false });
// `end`, since `close` comes a turn of the event loop later, when the next function has begun.
control.on('end', () => abort.abort());
control.on('error', () => abort.abort());
control.resume();

// What functions print may go to a pipe whose reader is gone, or to a terminal that was closed: no reason to end them.
process.stdout.on('error', () => {});
process.stderr.on('error', () => {});

// What a function left behind when it settled and fails now is nothing to the function that runs now, perhaps another
// owner's. What nobody can be told apart from that one ends it, as it would end Node.
process.on('uncaughtException', error => {
  console.error(error);
  if (!isInvocationOver()) process.exit(1);
});

// Sent to the whole group when a function takes too long: for what the function started. It has its signal.
process.on('SIGTERM', () => {});

for (const [index] of request.files.entries()) await runFile(index);
emit({ kind: 'finished' });
process.exit(0);

async function runFile(index: number): Promise<void> {
  const { path, ids } = request.files[index] ?? { path: '', ids: [] };
  const fd = FIRST_FILE_FD + index;
  let file: StateFile | undefined;
  try {
    const contents = replay(readAll(fd, path));
    if (!contents.header) return;
    file = new StateFile(path, fd, contents.header, contents.lengthBytes, contents.tornBytes > 0);
    for (const id of ids) {
      // Lets the end of the control pipe be noticed.
      await setImmediate();
      if (stop.isReached) return;
      const registered = contents.functions.get(id);
      if (!registered) continue;
      const timeoutMs = stop.limit(request.timeoutMs ?? registered.record.timeoutMs);
      const { killGraceMs } = request;
      watchFunction(timeoutMs, killGraceMs);
      restoreSurroundings();
      const result = await runFunction(file, registered, {
        isOrphaned: true,
        timeoutMs,
        killGraceMs,
        onMark: mark => emit({ kind: 'mark', file: index, mark }),
      });
      watchAfterwards(timeoutMs, killGraceMs);
      if (result === 'not-started') {
        emit({ kind: 'left', file: index, id, error: noRoomForStart(registered.record.name) });
      }
      // It goes on whatever it was told. Its mark is written; the process and all it started must end.
      if (result === 'hung') process.kill(-process.pid, 'SIGKILL');
    }
  } catch (error) {
    emit({ kind: 'failed', file: index, error: reportError(error) });
  } finally {
    settle(file);
  }
}

/** Writes marks that could not be written before: the sweeper, which was told of them, may be gone. */
function settle(file: StateFile | undefined): void {
  try {
    file?.settleMarks();
  } catch (error) {
    if (!(error instanceof DeferredSweepError)) throw error;
    // It tries as well, if it lives.
  }
}

function emit(event: RunEvent): void {
  try {
    writeSync(EVENT_FD, `${JSON.stringify(event)}\n`);
  } catch (error) {
    // The sweeper is gone: the marks in the file say the same.
    if (systemErrorCode(error) === 'EPIPE') return;
    // A function closed our descriptor, say. The sweeper waits for what it cannot be told: it starts another one of us.
    console.error(error);
    process.exit(1);
  }
}

function readRequest(): RunRequest {
  const chunk = Buffer.alloc(65_536);
  const parts: Buffer[] = [];
  for (;;) {
    const length = readSync(CONTROL_FD, chunk);
    // The sweeper died before it had asked.
    if (length === 0) process.exit(0);
    const part = Buffer.from(chunk.subarray(0, length));
    parts.push(part);
    if (part.includes(0x0a)) return JSON.parse(Buffer.concat(parts).toString()) as RunRequest;
  }
}
