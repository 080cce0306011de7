import { createRequire } from 'node:module';
import { DeferredSweepError } from '../errors.ts';
import { checkBounds, SPECIAL_TAG } from './bounds.ts';
import { decodePlain } from './decode-plain.ts';

export interface Special {
  readonly value: unknown;
  readonly tag: number;
}

// What we use of cbor-x, which scripts/bundle-cbor-x.mjs puts beside this file: pure JavaScript, no `new Function`.
interface CborX {
  Encoder: new (
    options: Record<string, boolean>,
  ) => {
    encode(tree: unknown): Buffer;
    decode(bytes: Uint8Array): unknown;
    useBuffer(buffer: Buffer): void;
  };
  Tag: new (value: unknown, tag: number) => Special;
}

// Loading takes 9 ms, which a process that only looks at locks need not pay; and it must not wait, `defer` is synchronous.
let loaded: { codec: InstanceType<CborX['Encoder']>; Tag: CborX['Tag'] } | undefined;

function load(): NonNullable<typeof loaded> {
  // In this form, so that `@vercel/nft` sees what a deployment needs.
  const require = createRequire(import.meta.url);
  const { Encoder, Tag } = require('../value/cbor-x.cjs') as CborX;
  const codec = new Encoder({
    useRecords: false,
    structuredClone: false,
    tagUint8Array: false,
    variableMapSize: true,
    copyBuffers: true,
    int64AsNumber: true,
  });
  loaded = { codec, Tag };
  return loaded;
}

/** `value` under {@link SPECIAL_TAG}: an array `[kind, ...]`, or the index of a shared object. */
export function special(value: unknown): Special {
  const { Tag } = loaded ?? load();
  return new Tag(value, SPECIAL_TAG);
}

export function isSpecial(item: unknown): item is Special {
  return item instanceof (loaded ?? load()).Tag;
}

/**
 * The CBOR of a tree: null, undefined, booleans, numbers, well-formed strings, Uint8Array, arrays and plain objects of
 * these, and {@link special}. Nothing is checked; `snapshot` is for values from outside. What is not in this list throws
 * or is changed silently: -0 becomes 0, a lone surrogate U+FFFD, a class instance a plain object.
 * Plain CBOR of RFC 8949: shortest lengths, integers within 32 bits as integers, other numbers as 64-bit floats.
 * The buffer returned may be part of a larger one (up to 64 KiB), which is written further but not over it.
 */
export function encode(tree: unknown): Buffer {
  const { codec } = loaded ?? load();
  const bytes = codec.encode(tree);
  if (bytes.buffer.byteLength <= LARGEST_KEPT_BYTES) return bytes;
  // cbor-x grows its buffer to several times what is needed, and would go on with that for the rest of the process.
  codec.useBuffer(Buffer.allocUnsafeSlow(FIRST_BUFFER_BYTES));
  return Buffer.from(bytes);
}

const LARGEST_KEPT_BYTES = 64 * 1024;
/** What cbor-x starts with. */
const FIRST_BUFFER_BYTES = 8 * 1024;

/**
 * Returns the tree of exactly one CBOR item, bounded in time and memory by the length of `bytes` and in depth by
 * `MAX_DEPTH`. Byte strings are Uint8Arrays with a buffer of their own, so they neither change with `bytes` nor keep
 * it in memory. A byte order mark at the start of text longer than 64 bytes is lost (cbor-x decodes it as a mark);
 * `snapshot` never writes such text.
 * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` when the bytes are anything {@link checkBounds} refuses.
 */
export function decode(bytes: Uint8Array): unknown {
  const plain = decodePlain(bytes);
  if (plain !== undefined) return plain;
  checkBounds(bytes);
  return decodeChecked(bytes);
}

/** {@link decode} for bytes that {@link checkBounds} has passed. */
export function decodeChecked(bytes: Uint8Array): unknown {
  const { codec } = loaded ?? load();
  try {
    // A view of our own: cbor-x leaves a property `dataView` on what it is given, and slices of a Buffer would be Buffers.
    return codec.decode(new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    throw new DeferredSweepError('DEFERRED_STATE_CORRUPT', 'cannot decode a CBOR item: cbor-x refuses it', {
      cause: error,
    });
  } finally {
    // cbor-x keeps the last thing it decoded; make that a byte of ours when it was large.
    if (bytes.buffer.byteLength > LARGEST_KEPT_BYTES) codec.decode(new Uint8Array([0xf6]));
  }
}
