/**
 * What a state file says as a whole: its records replayed in order.
 * Owner and sweeper build it from the bytes, and keep it in step with the marks of whoever runs the functions. Pure.
 */
import { type DeferredSweepErrorCode, hasCode } from '../errors.ts';
import { readFrames } from './frame.ts';
import {
  type CancelRecord,
  type DeferRecord,
  type DoneRecord,
  decodeRecord,
  type HeaderRecord,
  type Mark,
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
}

/** One registered function and what became of it. */
export class RegisteredFunction {
  readonly record: DeferRecord;
  readonly attempts: Attempt[] = [];
  isCancelled = false;

  constructor(record: DeferRecord) {
    this.record = record;
  }

  /** True while it may still run: not cancelled, and no attempt was the final one. */
  get isPending(): boolean {
    return !this.isCancelled && !this.attempts.some(attempt => attempt.done?.final);
  }

  /** True while it runs, and after its runner died in it. */
  get isInProgress(): boolean {
    return this.lastAttempt !== undefined && !this.lastAttempt.done;
  }

  get lastAttempt(): Attempt | undefined {
    return this.attempts.at(-1);
  }

  /** The marks of all attempts, oldest first. */
  get marks(): Mark[] {
    return this.attempts.flatMap(({ start, done }) => [...(start ? [start] : []), ...(done ? [done] : [])]);
  }

  /** Whether it has a mark of this kind for the same attempt. */
  has(mark: Mark): boolean {
    return this.attempts.some(
      attempt => attempt.attempt === mark.attempt && attempt[mark.kind] !== undefined,
    );
  }

  /** Marks may come twice, from the file and from its runner: the same mark changes nothing. A final one stands. */
  apply(mark: Mark): void {
    let known = this.attempts.find(attempt => attempt.attempt === mark.attempt);
    if (!known) {
      known = { attempt: mark.attempt };
      this.attempts.push(known);
    }
    if (mark.kind === 'start') known.start ??= mark;
    else if (!known.done?.final) known.done = mark;
  }
}

/** The functions of a state file, and what its bytes are worth. */
export class StateContents {
  header: HeaderRecord | undefined;
  /** By id, in order of registration. */
  readonly functions: Map<number, RegisteredFunction> = new Map();
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

  /** All that was read but the header, in an order that says the same. */
  records(): StateRecord[] {
    return [...this.functions.values()].flatMap(({ record, marks, isCancelled }) => [
      record,
      ...marks,
      ...(isCancelled ? [{ kind: 'cancel', id: record.id } as const] : []),
    ]);
  }

  apply(record: StateRecord): void {
    switch (record.kind) {
      case 'header':
        this.header ??= record;
        break;
      case 'defer':
        if (!this.functions.has(record.id)) this.functions.set(record.id, new RegisteredFunction(record));
        break;
      case 'cancel':
        this.#cancel(record);
        break;
      case 'start':
      case 'done':
        this.functions.get(record.id)?.apply(record);
        break;
    }
  }

  #cancel(record: CancelRecord): void {
    const registered = this.functions.get(record.id);
    if (registered) registered.isCancelled = true;
  }
}

/**
 * Replays the bytes of a state file. Never throws for damage: bytes that are no record of this file are counted in
 * `damagedBytes`, an incomplete end in `tornBytes`, and whatever is whole counts.
 * Without a readable header at the very start nothing of the file is believed, since the header says which version
 * and which salt the rest must have.
 * @throws DeferredSweepError `DEFERRED_STATE_VERSION` for a file of another major version.
 */
export function replay(bytes: Buffer): StateContents {
  const contents = new StateContents();
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
    if (found?.record) contents.apply(found.record);
    if (!found) contents.damagedBytes += stretch.end - stretch.offset;
    contents.lengthBytes = stretch.end;
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
