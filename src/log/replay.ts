import { DeferredSweepError, type DeferredSweepErrorCode, hasCode } from '../errors.ts';
import { StateContents } from './contents.ts';
import { decodeRecord, type SaltedRecord } from './decode-record.ts';
import { FRAME_HEAD_BYTES, frameLength, MAGIC, readFrames } from './frame.ts';
import type { HeaderRecord, StateRecord } from './records.ts';

/**
 * Replays the bytes of a state file. Never throws for damage: bytes that are no record of this file are counted in
 * `damagedBytes`, an incomplete end in `tornBytes`, and every whole record counts. Without a readable header at the start
 * no record counts, since the header has the version and the salt of all others.
 * @throws DeferredSweepError `DEFERRED_STATE_VERSION`
 */
export function replay(bytes: Buffer): StateContents {
  // In one slice, behind which it does not yield.
  return replayInSlices(bytes, Number.POSITIVE_INFINITY).next().value as StateContents;
}

/** The first frame of a state file: its header, if it is one. Shorter if the bytes are. */
export function headerFrameOf(bytes: Buffer): Buffer {
  return bytes.length < FRAME_HEAD_BYTES ? bytes : bytes.subarray(0, frameLength(bytes));
}

/** Without a look at the records. Undefined if the bytes do not begin with a whole header. */
export function headerOf(bytes: Buffer): HeaderRecord | undefined {
  return replay(headerFrameOf(bytes)).header;
}

/**
 * True if an unfinished file may be removed: it is empty, or all zeros after a machine crash, or begins with a header of
 * this format, perhaps cut short. Any other may be the only copy of something.
 * @param bytes - the file, or its beginning with the first frame
 */
export function isCreatorsLeftover(bytes: Buffer): boolean {
  if (bytes.every(byte => byte === 0)) return true;
  const start = bytes.subarray(0, MAGIC.length);
  if (!start.equals(MAGIC.subarray(0, start.length))) return false;
  try {
    const { header, damagedBytes } = replay(bytes);
    return header !== undefined || damagedBytes === 0;
  } catch (error) {
    // Only a header has a version.
    if (hasCode(error, 'DEFERRED_STATE_VERSION')) return true;
    throw error;
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
 * Applies the bytes behind `contents.lengthBytes`, and returns their records. Undefined, with nothing applied, if something
 * there is no whole record of the file.
 */
export function replayOn(contents: StateContents, bytes: Buffer): StateRecord[] | undefined {
  const found: { readonly record: StateRecord; readonly offset: number }[] = [];
  for (const stretch of readFrames(bytes, () => false)) {
    const salted = stretch.kind === 'frame' ? readRecord(contents, stretch.payload) : undefined;
    if (!salted) return undefined;
    if (salted.record) found.push({ record: salted.record, offset: contents.lengthBytes + stretch.offset });
  }
  for (const { record, offset } of found) contents.apply(record, offset);
  contents.lengthBytes += bytes.length;
  contents.tornBytes = 0;
  return found.map(({ record }) => record);
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

/** Undefined without this file's salt. */
function readRecord(contents: StateContents, payload: Buffer): SaltedRecord | undefined {
  const found = decodeUnless(payload, NO_RECORD);
  if (!found || !contents.header) return undefined;
  return Buffer.compare(contents.header.salt, found.salt) === 0 ? found : undefined;
}

/** Undefined if decoding throws one of these codes: that counts as damage. */
function decodeUnless(payload: Buffer, codes: readonly DeferredSweepErrorCode[]): SaltedRecord | undefined {
  try {
    return decodeRecord(payload);
  } catch (error) {
    if (!hasCode(error, ...codes)) throw error;
    // To move an intact file away as damaged would lose it.
    refuseForeignObjects(error);
    return undefined;
  }
}

/** What every object has in every process. */
const COMMON = new Set<PropertyKey>(
  `constructor hasOwnProperty isPrototypeOf propertyIsEnumerable toLocaleString toString valueOf __proto__
  __defineGetter__ __defineSetter__ __lookupGetter__ __lookupSetter__`.split(/\s+/),
);

/** A program may have given every object a property. A record cannot be read where one of its fields has a setter there. */
function refuseForeignObjects(cause: unknown): void {
  const foreign = Reflect.ownKeys(Object.prototype).find(name => !COMMON.has(name));
  if (foreign === undefined) return;
  throw new DeferredSweepError(
    'DEFERRED_UNSUPPORTED',
    `cannot tell whether a record is damaged: this process has given every object a property ${String(foreign)}; ` +
      'the file stays, sweep it by the command deferred-sweep',
    { cause },
  );
}
