/**
 * Short, plain CBOR to a tree: what most records and arguments are. It makes the tree that the general decoder makes, in one pass
 * and half of the time; a law compares the two.
 */

/** Longer bytes are for the general decoder: it bounds the items. */
const MOST_BYTES = 16 * 1024;
/** Records nest three levels. */
const MOST_LEVELS = 8;
/** A text of at most so many bytes has its length in its first byte. */
const MOST_SHORT = 23;
const MOST_TEXTS = 512;

interface Text {
  readonly text: string;
  readonly bytes: Uint8Array;
}

/** Short texts, by a hash of their bytes: to compare is faster than to make them. Names of fields, and many a value. */
const texts = new Map<number, Text>();

const NONE = Buffer.alloc(0);

let bytes: Buffer = NONE;
let mayHaveBytes = true;
let at = 0;
/** False: these bytes are for the general decoder, and what was read of them counts for nothing. */
let isPlain = true;

/**
 * The tree of one CBOR item that `checkBounds` passes. Undefined for what is left to the general decoder, which also says
 * what is wrong: text that is not ASCII, specials, much of anything, and what is no item.
 * @param options - without bytes: byte strings, too, are left to it, which makes each an array with a buffer of its own
 */
export function decodePlain(encoded: Uint8Array, options?: { readonly withBytes: boolean }): unknown {
  if (encoded.length > MOST_BYTES) return undefined;
  mayHaveBytes = options?.withBytes ?? true;
  bytes = Buffer.isBuffer(encoded)
    ? encoded
    : Buffer.from(encoded.buffer, encoded.byteOffset, encoded.length);
  at = 0;
  isPlain = true;
  try {
    const tree = readItem(0);
    return isPlain && at === bytes.length ? tree : undefined;
  } catch {
    // A program may have given every object a setter that throws.
    return undefined;
  } finally {
    // They may be a part of a large file.
    bytes = NONE;
  }
}

function readItem(level: number): unknown {
  const initial = at < bytes.length ? bytes[at++]! : 0xff;
  switch (initial) {
    case 0xf4:
      return false;
    case 0xf5:
      return true;
    case 0xf6:
      return null;
    case 0xfb:
      return bytes.length - at < 8 ? refuse() : readDouble();
  }
  const length = readLength(initial & 0x1f);
  switch (initial >> 5) {
    case 0:
      return length;
    case 2:
      return mayHaveBytes && length <= bytes.length - at ? readBytes(length) : refuse();
    case 3:
      return length <= bytes.length - at ? readText(length) : refuse();
    case 4:
      return level === MOST_LEVELS ? refuse() : readArray(length, level + 1);
    case 5:
      return level === MOST_LEVELS ? refuse() : readMap(length, level + 1);
    default:
      return refuse();
  }
}

function refuse(): undefined {
  isPlain = false;
  at = bytes.length;
  return undefined;
}

/** A length or number below 2^32. RFC 8949, 3 */
function readLength(info: number): number {
  if (info < 24) return info;
  const width = 1 << (info - 24);
  if (info > 26 || width > bytes.length - at) return refuse() ?? 0;
  let length = 0;
  for (let i = 0; i < width; i++) length = length * 256 + bytes[at++]!;
  return length;
}

function readDouble(): number {
  at += 8;
  return bytes.readDoubleBE(at - 8);
}

/** A copy: a view would keep all of a file's bytes in memory. In Node's pool: V8 takes long for a buffer of its own. */
function readBytes(length: number): Uint8Array {
  const pooled = Buffer.allocUnsafe(length);
  const copy = new Uint8Array(pooled.buffer, pooled.byteOffset, length);
  for (let i = 0; i < length; i++) copy[i] = bytes[at++]!;
  return copy;
}

/** Most short texts were in the records before, too. */
function readText(length: number): string | undefined {
  if (length > MOST_SHORT) return readLongText(length);
  let hash = length;
  for (let i = 0; i < length; i++) hash = (hash * 31 + bytes[at + i]!) | 0;
  const known = texts.get(hash);
  if (known && isNext(known.bytes, length)) {
    at += length;
    return known.text;
  }
  const start = at;
  const text = readLongText(length);
  if (text !== undefined && texts.size < MOST_TEXTS)
    texts.set(hash, { text, bytes: Uint8Array.from(bytes.subarray(start, at)) });
  return text;
}

function readLongText(length: number): string | undefined {
  const start = at;
  let bits = 0;
  for (at += length; --at >= start; ) bits |= bytes[at]!;
  at = start + length;
  return bits < 0x80 ? bytes.toString('latin1', start, at) : refuse();
}

function readArray(length: number, level: number): unknown[] {
  const array: unknown[] = [];
  for (let i = 0; i < length && isPlain; i++) array.push(readItem(level));
  return array;
}

function readMap(length: number, level: number): Record<string, unknown> {
  const map: Record<string, unknown> = {};
  for (let i = 0; i < length && isPlain; i++) {
    const name = readName();
    if (name !== undefined) map[name] = readItem(level);
  }
  return map;
}

function readName(): string | undefined {
  const length = at < bytes.length ? bytes[at++]! - 0x60 : -1;
  if (length < 0 || length > MOST_SHORT || length > bytes.length - at) return refuse();
  const name = readText(length);
  return name === '__proto__' ? refuse() : name;
}

function isNext(known: Uint8Array, length: number): boolean {
  if (known.length !== length) return false;
  for (let i = 0; i < length; i++) if (known[i] !== bytes[at + i]) return false;
  return true;
}
