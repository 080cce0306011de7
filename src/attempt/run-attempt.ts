/** One attempt: calls a function from its record, between its two marks. `docs/protocol.md`, Attempt. */
import { hostname } from 'node:os';
import { hasCode } from '../errors.ts';
import { type CallLimits, callStored, callWithLimit } from '../function/call-function.ts';
import { decodeDescriptor, type FunctionDescriptor } from '../function/descriptor.ts';
import { epochMs } from '../log/clock.ts';
import type { DeferRecord, DoneRecord, Mark, ReportedError, StartRecord } from '../log/records.ts';
import type { RegisteredFunction } from '../log/registered-function.ts';
import { reportError, reportOf } from '../report/reported-error.ts';
import type { StateFile } from '../state/state-file.ts';

export interface AttemptCircumstances extends CallLimits {
  /** Names the job or the runner in the start mark. */
  readonly nonce: string;
  /** False at the end of the function's own job. */
  readonly isOrphaned: boolean;
  /** Throws why the function must not be called after all: that is the end of the attempt. */
  readonly check?: (descriptor: FunctionDescriptor) => void;
  /** Takes note of each mark: a start after it was written, the end before. */
  readonly onMark: (mark: Mark) => void;
}

/** How an attempt ended. `hung`: the function did not settle in time and still runs in this process. */
export type AttemptResult = 'settled' | 'hung' | 'not-started';

/** Asked once: that costs more than the rest of a claim. */
const HOST = hostname();

/** Tells other sweepers that the file is swept. On a full disk they see a live owner; the functions run, and may make room. */
export function writeClaim(file: StateFile, nonce: string): void {
  try {
    file.append([{ kind: 'claim', nonce, pid: process.pid, host: HOST, atEpochMs: epochMs() }]);
  } catch (error) {
    if (!hasCode(error, 'DEFERRED_STATE_IO')) throw error;
  }
}

export function nextStart(registered: RegisteredFunction, nonce: string): StartRecord {
  return {
    kind: 'start',
    id: registered.record.id,
    attempt: registered.nextAttempt,
    nonce,
    pid: process.pid,
    atEpochMs: epochMs(),
  };
}

/**
 * `not-started`: delivery is at most once, and the disk has no room for the start mark.
 * @throws DeferredSweepError `DEFERRED_STATE_IO` when the start mark cannot be written for another reason; nothing was called
 */
export async function runAttempt(
  file: StateFile,
  registered: RegisteredFunction,
  circumstances: AttemptCircumstances,
): Promise<AttemptResult> {
  const { record } = registered;
  const start = nextStart(registered, circumstances.nonce);
  const { attempt } = start;
  const mustBeMarked = record.delivery === 'at-most-once';
  // At most once, an unwritten start mark must not be owed: it would later say that a function ran which did not.
  const isMarked = file.appendStart(start, { isOwed: !mustBeMarked });
  if (mustBeMarked && !isMarked) return 'not-started';
  circumstances.onMark(start);

  const { pid, host, bootId } = file.header.owner;
  const known = {
    attempt,
    orphaned: circumstances.isOrphaned,
    registeredAt: new Date(record.registeredAtEpochMs),
    owner: { pid, host, bootId },
  };
  const ended = await callWithLimit(record.name, known, circumstances, () => {
    const descriptor = descriptorOf(record);
    circumstances.check?.(descriptor);
    return callStored({ descriptor, encodedArguments: record.arguments });
  });
  const done: DoneRecord = {
    kind: 'done',
    id: record.id,
    attempt,
    atEpochMs: epochMs(),
    ...('error' in ended && { error: reportError(ended.error) }),
    final: !('error' in ended),
  };
  // Told before it is written: a runner that dies right after it has said what became of the function.
  circumstances.onMark(done);
  file.appendDone(done);
  return ended.isHung ? 'hung' : 'settled';
}

/** Why an at-most-once function was not run. */
export function noRoomForStart(name: string): ReportedError {
  return reportOf(
    'DEFERRED_STATE_IO',
    `cannot run ${name} at most once: its file has no room to say that it was started; it stays registered`,
  );
}

/** Why functions that ran are left. */
export function noRoomForMarks(path: string): ReportedError {
  return reportOf(
    'DEFERRED_STATE_IO',
    `cannot tell which functions of ${path} have run: it had no room for their marks, and their runner has ended; they may run again in the next sweep; make room there`,
  );
}

/** The export that was decoded last: most functions of a file are the one before with other arguments. */
let lastExport: { readonly bytes: Uint8Array; readonly descriptor: FunctionDescriptor } | undefined;

function descriptorOf({ function: bytes }: DeferRecord): FunctionDescriptor {
  if (lastExport && Buffer.compare(lastExport.bytes, bytes) === 0) return lastExport.descriptor;
  const descriptor = decodeDescriptor(bytes);
  if (descriptor.kind === 'module') lastExport = { bytes, descriptor };
  return descriptor;
}
