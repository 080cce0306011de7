/**
 * Frames: how one record lies in a state file. `docs/format.md`, section "Frame".
 *
 * A frame is one item of a CBOR Sequence (RFC 8742): the self-describe tag 55799 (RFC 8949 §3.4.6) around
 * `[crc32, bytes]`, always in the widest form, so that it has a fixed head of 14 bytes:
 *
 *     offset 0  d9 d9 f7   tag 55799
 *            3  82 1a      array of two, first an unsigned 32-bit integer
 *            5  crc32      big endian, over the payload
 *            9  5a         byte string with a 32-bit length
 *           10  length     big endian
 *           14  payload    the CBOR of one record
 */
import type { crc32 as Crc32 } from 'node:zlib';

export const FRAME_HEAD_BYTES = 14;

/** The first bytes of every frame. */
export const MAGIC: Buffer = Buffer.from([0xd9, 0xd9, 0xf7, 0x82, 0x1a]);
const BYTES_HEAD = 0x5a;

/** This many zero bytes at the end of a bad last frame count as blocks that the file system never wrote. */
const ZERO_TAIL_BYTES = 16;

/** Budget of the search for frames after damage: checksummed bytes, in multiples of the file. Bounds hostile files. */
const RESYNC_BUDGET = 4;
/** A candidate of few bytes costs the time of so many. */
const CANDIDATE_COST_BYTES = 256;

export type Stretch =
  /** A whole frame with a good checksum. */
  | { readonly kind: 'frame'; readonly offset: number; readonly end: number; readonly payload: Buffer }
  /** Bytes that are no frame although frames or other data follow: the file was changed after it was written. */
  | { readonly kind: 'damaged'; readonly offset: number; readonly end: number }
  /** An incomplete last frame, or blocks of zeros, as a death or a machine crash during a write leaves them. */
  | { readonly kind: 'torn'; readonly offset: number; readonly end: number };

/** Kept with the first record. With `node:zlib` come all of Node's streams, and a sweep that finds nothing needs neither. */
let keptCrc32: typeof Crc32 | undefined;

function crc32(bytes: Uint8Array): number {
  keptCrc32 ??= process.getBuiltinModule('node:zlib').crc32;
  return keptCrc32(bytes);
}

export function encodeFrame(payload: Uint8Array): Buffer {
  return sealFrame(Buffer.concat([Buffer.alloc(FRAME_HEAD_BYTES), payload]));
}

/** Writes the head of a frame, for which {@link FRAME_HEAD_BYTES} bytes were left before the payload. Returns the frame. */
export function sealFrame(frame: Buffer): Buffer {
  const payload = frame.subarray(FRAME_HEAD_BYTES);
  frame.set(MAGIC);
  frame.writeUInt32BE(crc32(payload), 5);
  frame[9] = BYTES_HEAD;
  frame.writeUInt32BE(payload.length, 10);
  return frame;
}

/**
 * Yields the stretches of a state file in order, covering every byte once.
 * @param isOurs - asked of frames found by searching after damage: an argument may hold a whole frame (a copy of a state
 * file, say), which must not be taken for one of this file
 */
export function* readFrames(bytes: Buffer, isOurs: (payload: Buffer) => boolean): Generator<Stretch> {
  const budget = { leftBytes: RESYNC_BUDGET * bytes.length };
  let offset = 0;
  while (offset < bytes.length) {
    const frame = frameAt(bytes, offset);
    if (frame.kind === 'whole') {
      const { end } = frame;
      yield { kind: 'frame', offset, end, payload: bytes.subarray(offset + FRAME_HEAD_BYTES, end) };
      offset = end;
      continue;
    }
    if (frame.kind === 'bad-checksum') budget.leftBytes -= frame.end - offset;
    const next =
      frame.kind === 'bad-checksum' && (frame.end === bytes.length || hasHeadAt(bytes, frame.end))
        ? frame.end
        : findFrame(bytes, offset + 1, budget, isOurs);
    const end = next ?? bytes.length;
    const isTorn = end === bytes.length && (frame.kind === 'incomplete' || endsInZeros(bytes, offset));
    yield { kind: isTorn ? 'torn' : 'damaged', offset, end };
    offset = end;
  }
}

type Found =
  | { readonly kind: 'whole' | 'bad-checksum'; readonly end: number }
  | { readonly kind: 'incomplete' | 'none' };

/** The length of the frame that begins with these {@link FRAME_HEAD_BYTES} bytes. */
export function frameLength(head: Buffer): number {
  return FRAME_HEAD_BYTES + head.readUInt32BE(10);
}

function frameAt(bytes: Buffer, offset: number): Found {
  if (!hasHeadAt(bytes, offset)) {
    const rest = bytes.subarray(offset, offset + MAGIC.length);
    const isCutHead = bytes.length - offset < FRAME_HEAD_BYTES && rest.equals(MAGIC.subarray(0, rest.length));
    return { kind: isCutHead ? 'incomplete' : 'none' };
  }
  const end = offset + frameLength(bytes.subarray(offset, offset + FRAME_HEAD_BYTES));
  if (end > bytes.length) return { kind: 'incomplete' };
  const isGood = crc32(bytes.subarray(offset + FRAME_HEAD_BYTES, end)) === bytes.readUInt32BE(offset + 5);
  return { kind: isGood ? 'whole' : 'bad-checksum', end };
}

function hasHeadAt(bytes: Buffer, offset: number): boolean {
  return (
    offset + FRAME_HEAD_BYTES <= bytes.length &&
    bytes[offset + 9] === BYTES_HEAD &&
    bytes.compare(MAGIC, 0, MAGIC.length, offset, offset + MAGIC.length) === 0
  );
}

function findFrame(
  bytes: Buffer,
  from: number,
  budget: { leftBytes: number },
  isOurs: (payload: Buffer) => boolean,
): number | undefined {
  for (let at = bytes.indexOf(MAGIC, from); at !== -1; at = bytes.indexOf(MAGIC, at + 1)) {
    // The budget is spent: the rest of the file counts as damage.
    if (budget.leftBytes <= 0) return undefined;
    // Asked first: hostile bytes may be nothing but magics.
    if (bytes[at + 9] !== BYTES_HEAD) continue;
    const frame = frameAt(bytes, at);
    if (frame.kind === 'whole' && isOurs(bytes.subarray(at + FRAME_HEAD_BYTES, frame.end))) return at;
    if ('end' in frame) budget.leftBytes -= frame.end - at + CANDIDATE_COST_BYTES;
  }
  return undefined;
}

function endsInZeros(bytes: Buffer, offset: number): boolean {
  const tail = bytes.subarray(Math.max(offset, bytes.length - ZERO_TAIL_BYTES));
  return tail.every(byte => byte === 0);
}
