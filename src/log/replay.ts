/**
 * The contents of a state file: its records, replayed in order. The owner, the sweeper and the runner build it from the
 * bytes and apply the marks that they write. Pure.
 */
import { type DeferredSweepErrorCode, hasCode } from '../errors.ts';
import { readFrames } from './frame.ts';
import { isSweepersNonce } from './nonce.ts';
import {
  type ClaimRecord,
  type DeferRecord,
  type DoneRecord,
  decodeRecord,
  type HeaderRecord,
  type Mark,
  type RetryRecord,
  type SaltedRecord,
  type StartRecord,
  type StateRecord,
} from './records.ts';

/** One attempt to run a function. */
export interface Attempt {
  readonly attempt: number;
  /** Absent only if a full disk had no room for it. */
  start?: StartRecord;
  /** Absent: the attempt is in progress, or its process died in it. */
  done?: DoneRecord;
  /** Where in the file its first mark begins. */
  readonly offset: number;
}

/** One registered function and its attempts. */
export class RegisteredFunction {
  readonly record: DeferRecord;
  isCancelled = false;
  /** Made for the first mark: most functions have none, and a file may hold hundreds of thousands. */
  #attempts: Map<number, Attempt> | undefined;
  #lastAttempt: Attempt | undefined;
  #highestAttempt = 0;
  #isFinal = false;
  /** What ended in a dead letter before this: marks of attempts that count no more, and the retries after them. */
  readonly #history: (Mark | RetryRecord)[] = [];

  constructor(record: DeferRecord) {
    this.record = record;
  }

  /** In the order of their first marks. */
  get attempts(): Attempt[] {
    return [...(this.#attempts?.values() ?? [])];
  }

  get attemptCount(): number {
    return this.#attempts?.size ?? 0;
  }

  /** True while the function may still run: it was not cancelled and has no final mark. */
  get isPending(): boolean {
    return !this.isCancelled && !this.#isFinal;
  }

  /** True while the function runs, and after its process died in it. */
  get isInProgress(): boolean {
    return this.#lastAttempt !== undefined && !this.#lastAttempt.done;
  }

  get lastAttempt(): Attempt | undefined {
    return this.#lastAttempt;
  }

  /** The number of the next attempt. */
  get nextAttempt(): number {
    return this.#highestAttempt + 1;
  }

  /** Marks and retries from before the attempts that count, oldest first. */
  get history(): readonly (Mark | RetryRecord)[] {
    return this.#history;
  }

  /** The history, and the marks of all attempts, oldest first. */
  get marks(): (Mark | RetryRecord)[] {
    return [...this.#history, ...this.#attemptMarks()];
  }

  /** Begins anew, as a function that was never tried. */
  retry(record: RetryRecord): void {
    this.#history.push(...this.#attemptMarks(), record);
    this.#attempts?.clear();
    this.#highestAttempt = 0;
    this.#lastAttempt = undefined;
    this.#isFinal = false;
  }

  /** Of several marks of one attempt the first start and the last done count. A final done mark is never replaced. */
  apply(mark: Mark, offset: number = Number.POSITIVE_INFINITY): void {
    this.#attempts ??= new Map();
    let known = this.#attempts.get(mark.attempt);
    if (!known) {
      known = { attempt: mark.attempt, offset };
      this.#attempts.set(mark.attempt, known);
      this.#lastAttempt = known;
      this.#highestAttempt = Math.max(this.#highestAttempt, mark.attempt);
    }
    if (mark.kind === 'start') known.start ??= mark;
    else if (!known.done?.final) known.done = mark;
    if (mark.kind === 'done' && mark.final) this.#isFinal = true;
  }

  #attemptMarks(): Mark[] {
    return this.attempts.flatMap(({ start, done }) => [...(start ? [start] : []), ...(done ? [done] : [])]);
  }
}

/** The functions of a state file, and how much of its bytes is torn or damaged. */
export class StateContents {
  header: HeaderRecord | undefined;
  /** By id, in order of registration. */
  readonly functions: Map<number, RegisteredFunction> = new Map();
  /** The last claim. */
  claim: ClaimRecord | undefined;
  /** True if a sweeper's claim is the last record: its runner is about to claim, or the sweeper died. */
  isHandedOver = false;
  /** The end of the last whole record. */
  lengthBytes = 0;
  tornBytes = 0;
  damagedBytes = 0;

  /** Functions that may still run, in the order the owner asked for. */
  pending(): RegisteredFunction[] {
    const pending = [...this.functions.values()].filter(registered => registered.isPending);
    return this.header?.order === 'lifo' ? pending.reverse() : pending;
  }

  /** True if every byte is a readable record of this header's file. */
  isWholeOf({ salt }: HeaderRecord): boolean {
    return (
      this.damagedBytes === 0 && this.header !== undefined && Buffer.compare(this.header.salt, salt) === 0
    );
  }

  /** All records but the header and claims, in an equivalent order. */
  records(): StateRecord[] {
    return [...this.functions.values()].flatMap(({ record, marks, isCancelled }) => [
      record,
      ...marks,
      ...(isCancelled ? [{ kind: 'cancel', id: record.id } as const] : []),
    ]);
  }

  /** @param offset - where in the file the record begins */
  apply(record: StateRecord, offset?: number): void {
    this.isHandedOver = record.kind === 'claim' && isSweepersNonce(record.nonce);
    switch (record.kind) {
      case 'header':
        this.header ??= record;
        break;
      case 'defer':
        if (!this.functions.has(record.id)) this.functions.set(record.id, new RegisteredFunction(record));
        break;
      case 'cancel': {
        const registered = this.functions.get(record.id);
        if (registered) registered.isCancelled = true;
        break;
      }
      case 'claim':
        this.claim = record;
        break;
      case 'retry':
        this.functions.get(record.id)?.retry(record);
        break;
      case 'start':
      case 'done':
        this.functions.get(record.id)?.apply(record, offset);
        break;
    }
  }
}

/**
 * Replays the bytes of a state file. Never throws for damage: bytes that are no record of this file are counted in
 * `damagedBytes`, an incomplete end in `tornBytes`, and every whole record counts. Without a readable header at the start
 * no record counts, since the header has the version and the salt of all others.
 * @throws DeferredSweepError `DEFERRED_STATE_VERSION` for a file of another major version.
 */
export function replay(bytes: Buffer): StateContents {
  const replaying = replayInSlices(bytes, Number.POSITIVE_INFINITY);
  for (;;) {
    const step = replaying.next();
    if (step.done) return step.value;
  }
}

/** As {@link replay}, with a yield after each slice of bytes, so that timers and signals get their turn. */
export function* replayInSlices(bytes: Buffer, sliceBytes: number): Generator<void, StateContents> {
  const contents = new StateContents();
  let sliceEnd = sliceBytes;
  let strangers = 0;
  const count = <T>(found: T | undefined): T | undefined => {
    if (found === undefined) strangers += 1;
    return found;
  };
  // Before there is a header any record will do: it shows that the header was not torn, but damaged later.
  const isOurs = (payload: Buffer): boolean =>
    strangers < MAX_STRANGERS &&
    count(contents.header ? readRecord(contents, payload) : decodeUnless(payload, NO_RECORD)) !== undefined;
  for (const stretch of readFrames(bytes, isOurs)) {
    if (stretch.kind === 'torn') {
      contents.tornBytes = stretch.end - stretch.offset;
      break;
    }
    if (stretch.offset === 0)
      contents.header = stretch.kind === 'frame' ? readHeader(stretch.payload) : undefined;
    if (!contents.header) {
      contents.damagedBytes = bytes.length;
      contents.lengthBytes = bytes.length;
      break;
    }
    if (strangers >= MAX_STRANGERS) {
      contents.damagedBytes += bytes.length - stretch.offset;
      contents.lengthBytes = bytes.length;
      break;
    }
    const found = stretch.kind === 'frame' ? count(readRecord(contents, stretch.payload)) : undefined;
    if (found?.record) contents.apply(found.record, stretch.offset);
    if (!found) contents.damagedBytes += stretch.end - stretch.offset;
    contents.lengthBytes = stretch.end;
    if (stretch.end < sliceEnd) continue;
    sliceEnd = stretch.end + sliceBytes;
    yield;
  }
  return contents;
}

/**
 * So many frames with a good checksum, none of them a record of this file, and the rest of it is damage. Each costs
 * an error, and accidents make none: another program wrote them.
 */
const MAX_STRANGERS = 4000;

/** What a payload with a good checksum throws that is no record of this version. */
const NO_RECORD: readonly DeferredSweepErrorCode[] = ['DEFERRED_STATE_CORRUPT', 'DEFERRED_STATE_VERSION'];

function readHeader(payload: Buffer): HeaderRecord | undefined {
  const record = decodeUnless(payload, ['DEFERRED_STATE_CORRUPT'])?.record;
  return record?.kind === 'header' ? record : undefined;
}

/** The record of a payload, if it has this file's salt. */
function readRecord(contents: StateContents, payload: Buffer): SaltedRecord | undefined {
  const found = decodeUnless(payload, NO_RECORD);
  if (!found || !contents.header) return undefined;
  return Buffer.compare(contents.header.salt, found.salt) === 0 ? found : undefined;
}

/** True for errors that count as damage: the payload has a good checksum and is no record of this file. */
function decodeUnless(payload: Buffer, codes: readonly DeferredSweepErrorCode[]): SaltedRecord | undefined {
  try {
    return decodeRecord(payload);
  } catch (error) {
    if (hasCode(error, ...codes)) return undefined;
    throw error;
  }
}
