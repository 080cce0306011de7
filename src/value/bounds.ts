import { isUtf8 } from 'node:buffer';
import { DeferredSweepError } from '../errors.ts';
import { MAX_DEPTH, MAX_ITEMS, MAX_RECORD_BYTES } from './limits.ts';

/**
 * The one tag of this format: around an array `[kind, ...]` it stands for a value plain CBOR has no form for, around
 * an unsigned integer for an object of the table of shared objects. From the first-come-first-served range of RFC 8949
 * section 9.2; not registered. cbor-x gives it no meaning: that knows tags up to 0x8000, some from 0xdff9, and
 * ranges above 2^30.
 */
export const SPECIAL_TAG = 0xdef5;

// Items still to come on each level, and whether the level is a map. Static: nothing in here calls out, so no two scans overlap.
const itemsLeft = new Uint32Array(MAX_DEPTH + 1);
const isMapLevel = new Uint8Array(MAX_DEPTH + 1);

const PROTO_KEY = Buffer.from('__proto__');

/**
 * Returns when `bytes` are exactly one CBOR item that is safe to hand to a general decoder; tells whether a special is
 * in it. Linear in the length, without recursion, and allocates only for text that is not ASCII.
 * Allowed is what docs/format.md, "Values", says. That keeps hostile bytes away from what a general decoder does with
 * others: bignums in quadratic time, records, shared references, packed tables. Of equal keys in a map the last counts.
 * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` for any other bytes
 */
export function checkBounds(bytes: Uint8Array): boolean {
  const end = bytes.length;
  if (end > MAX_RECORD_BYTES)
    throw corrupt(`${end} bytes are more than a record may have (${MAX_RECORD_BYTES})`, 0);
  let hasSpecial = false;
  let items = 0;
  let depth = 0;
  let at = 0;
  itemsLeft[0] = 1;
  isMapLevel[0] = 0;

  for (;;) {
    while (itemsLeft[depth] === 0) {
      if (depth === 0) {
        if (at < end) throw corrupt(`${end - at} bytes are left over`, at);
        return hasSpecial;
      }
      depth -= 1;
    }
    const isKey = isMapLevel[depth] === 1 && itemsLeft[depth]! % 2 === 0;
    itemsLeft[depth]! -= 1;

    items += 1;
    const start = at;
    if (items > MAX_ITEMS) throw corrupt(`more than ${MAX_ITEMS} items`, start);
    if (at >= end) throw corrupt('an item is missing', start);
    const initial = bytes[at++]!;
    const major = initial >> 5;
    const info = initial & 0x1f;
    if (isKey && major !== 3) throw corrupt('a map key is not text', start);
    if (info > 27) throw corrupt('an indefinite length or a reserved form', start);

    const width = info < 24 ? 0 : 1 << (info - 24);
    if (width > end - at) throw corrupt('an item is cut short', start);
    if (major === 7) {
      // 20 to 23 are false, true, null, undefined; 25 to 27 floats of 2, 4, 8 bytes.
      if (info < 20 || info === 24) throw corrupt('an unknown simple value', start);
      at += width;
      continue;
    }
    let argument = width === 0 ? info : 0;
    for (let i = 0; i < width; i++) argument = argument * 256 + bytes[at++]!;

    switch (major) {
      case 0:
      case 1:
        if (argument > Number.MAX_SAFE_INTEGER) throw corrupt('an integer beyond 2^53', start);
        break;
      case 2:
      case 3:
        if (argument > end - at) throw corrupt('a string is longer than what is left', start);
        if (major === 3 && !isText(bytes, at, at + argument)) throw corrupt('text is not UTF-8', start);
        if (isKey && argument === PROTO_KEY.length && PROTO_KEY.compare(bytes, at, at + argument) === 0)
          throw corrupt('a key is "__proto__"', start);
        at += argument;
        break;
      default: {
        const content = major === 6 ? 1 : major === 5 ? argument * 2 : argument;
        if (major === 6 && argument !== SPECIAL_TAG)
          throw corrupt(`tag ${argument} is not of this format`, start);
        if (content > end - at) throw corrupt('more items are declared than bytes are left', start);
        if (depth === MAX_DEPTH) throw corrupt(`nested deeper than ${MAX_DEPTH} levels`, start);
        if (major === 6) hasSpecial = true;
        depth += 1;
        itemsLeft[depth] = content;
        isMapLevel[depth] = major === 5 ? 1 : 0;
      }
    }
  }
}

/** The same of bytes that are about to be written. @throws what `refusal` makes where a reader would refuse them */
export function requireReadable(bytes: Uint8Array, refusal: (cause: unknown) => Error): void {
  try {
    checkBounds(bytes);
  } catch (error) {
    throw refusal(error);
  }
}

function isText(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    if (bytes[i]! >= 0x80) return isUtf8(bytes.subarray(i, end));
  }
  return true;
}

function corrupt(reason: string, offset: number): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_STATE_CORRUPT',
    `cannot decode a CBOR item: ${reason}, at byte ${offset} of it`,
  );
}
