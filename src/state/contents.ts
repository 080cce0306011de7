/**
 * What a state file says as a whole: its records replayed in order. The owner, the sweeper and the runner build it from
 * the bytes, and keep it in step with the marks they write. Pure.
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
} from './record.ts';

/** One time a function was run, or was about to be. */
export interface Attempt {
  readonly attempt: number;
  /** Absent only where a full disk had no room for it. */
  start?: StartRecord;
  /** Absent: it is in progress, or its runner died in it. */
  done?: DoneRecord;
  /** Where in the file its first mark begins. */
  readonly offset: number;
}

/** One registered function and what became of it. */
export class RegisteredFunction {
  readonly record: DeferRecord;
  isCancelled = false;
  readonly #attempts = new Map<number, Attempt>();
  #lastAttempt: Attempt | undefined;
  #isFinal = false;
  /** What ended in a dead letter before this: marks of attempts that count no more, and the retries after them. */
  readonly #history: (Mark | RetryRecord)[] = [];

  constructor(record: DeferRecord) {
    this.record = record;
  }

  /** In the order of their first marks. */
  get attempts(): Attempt[] {
    return [...this.#attempts.values()];
  }

  get attemptCount(): number {
    return this.#attempts.size;
  }

  /** True while it may still run: not cancelled, and no attempt was the final one. */
  get isPending(): boolean {
    return !this.isCancelled && !this.#isFinal;
  }

  /** True while it runs, and after its runner died in it. */
  get isInProgress(): boolean {
    return this.#lastAttempt !== undefined && !this.#lastAttempt.done;
  }

  get lastAttempt(): Attempt | undefined {
    return this.#lastAttempt;
  }

  /** The number of the next attempt. */
  get nextAttempt(): number {
    let highest = 0;
    for (const attempt of this.#attempts.keys()) highest = Math.max(highest, attempt);
    return highest + 1;
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
    this.#attempts.clear();
    this.#lastAttempt = undefined;
    this.#isFinal = false;
  }

  /** The first start of an attempt stands, and the last done, but a final one stands for ever. */
  apply(mark: Mark, offset: number = Number.POSITIVE_INFINITY): void {
    let known = this.#attempts.get(mark.attempt);
    if (!known) {
      known = { attempt: mark.attempt, offset };
      this.#attempts.set(mark.attempt, known);
      this.#lastAttempt = known;
    }
    if (mark.kind === 'start') known.start ??= mark;
    else if (!known.done?.final) known.done = mark;
    if (mark.kind === 'done' && mark.final) this.#isFinal = true;
  }

  #attemptMarks(): Mark[] {
    return this.attempts.flatMap(({ start, done }) => [...(start ? [start] : []), ...(done ? [done] : [])]);
  }
}

/** The functions of a state file, and what its bytes are worth. */
export class StateContents {
  header: HeaderRecord | undefined;
  /** By id, in order of registration. */
  readonly functions: Map<number, RegisteredFunction> = new Map();
  /** The last claim. */
  claim: ClaimRecord | undefined;
  /** True when a sweeper's claim is the last record: its runner is about to claim, or the sweeper died. */
  isHandedOver = false;
  /** Where the next record belongs: behind the last whole one. */
  lengthBytes = 0;
  tornBytes = 0;
  damagedBytes = 0;

  /** Functions that may still run, in the order the owner asked for. */
  pending(): RegisteredFunction[] {
    const pending = [...this.functions.values()].filter(registered => registered.isPending);
    return this.header?.order === 'lifo' ? pending.reverse() : pending;
  }

  /** Whether nothing but what belongs to this header was found, all of it readable. */
  isWholeOf({ salt }: HeaderRecord): boolean {
    return (
      this.damagedBytes === 0 && this.header !== undefined && Buffer.compare(this.header.salt, salt) === 0
    );
  }

  /** All that was read but the header and claims, in an order that says the same. */
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
 * `damagedBytes`, an incomplete end in `tornBytes`, and every whole record counts.
 * Without a readable header at the very start no record counts: the header says which version and which salt the rest
 * must have.
 * @throws DeferredSweepError `DEFERRED_STATE_VERSION` for a file of another major version.
 */
export function replay(bytes: Buffer): StateContents {
  const replaying = replayInSlices(bytes, Number.POSITIVE_INFINITY);
  for (;;) {
    const step = replaying.next();
    if (step.done) return step.value;
  }
}

/** As {@link replay}, with a yield after each slice of so many bytes, so that timers and signals get their turn. */
export function* replayInSlices(bytes: Buffer, sliceBytes: number): Generator<void, StateContents> {
  const contents = new StateContents();
  let sliceEnd = sliceBytes;
  // Before there is a header any record will do: it shows that the header was not torn, but damaged later.
  const isOurs = (payload: Buffer): boolean =>
    (contents.header ? readRecord(contents, payload) : decodeUnless(payload, NO_RECORD)) !== undefined;
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
    const found = stretch.kind === 'frame' ? readRecord(contents, stretch.payload) : undefined;
    if (found?.record) contents.apply(found.record, stretch.offset);
    if (!found) contents.damagedBytes += stretch.end - stretch.offset;
    contents.lengthBytes = stretch.end;
    if (stretch.end < sliceEnd) continue;
    sliceEnd = stretch.end + sliceBytes;
    yield;
  }
  return contents;
}

/** What a payload with a good checksum throws that is no record of this version. */
const NO_RECORD: readonly DeferredSweepErrorCode[] = ['DEFERRED_STATE_CORRUPT', 'DEFERRED_STATE_VERSION'];

function readHeader(payload: Buffer): HeaderRecord | undefined {
  const record = decodeUnless(payload, ['DEFERRED_STATE_CORRUPT'])?.record;
  return record?.kind === 'header' ? record : undefined;
}

/** The record of a payload if this file's owner or a runner of it wrote it. */
function readRecord(contents: StateContents, payload: Buffer): SaltedRecord | undefined {
  const found = decodeUnless(payload, NO_RECORD);
  if (!found || !contents.header) return undefined;
  return Buffer.compare(contents.header.salt, found.salt) === 0 ? found : undefined;
}

/** Damage is counted, not thrown: with these codes a payload with a good checksum is still no record of this file. */
function decodeUnless(payload: Buffer, codes: readonly DeferredSweepErrorCode[]): SaltedRecord | undefined {
  try {
    return decodeRecord(payload);
  } catch (error) {
    if (hasCode(error, ...codes)) return undefined;
    throw error;
  }
}
