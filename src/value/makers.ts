import { DeferredSweepError } from '../errors.ts';
import { ERROR_PROTOTYPES, VIEW_MAKERS } from './classes.ts';

// How `Reviver` makes what a special stands for. The parts come from a file, so each is checked.

/** Text from its UTF-16 code units, little-endian. */
function makeString(bytes: unknown): string {
  if (!(bytes instanceof Uint8Array) || bytes.length % 2 !== 0) throw corrupt('text without its code units');
  return Buffer.from(bytes.buffer).toString('utf16le');
}

function makeBigInt(digits: unknown): bigint {
  if (typeof digits !== 'string' || !/^-?[0-9a-f]+$/.test(digits)) throw corrupt('a bigint without digits');
  return digits.startsWith('-') ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`);
}

function makeDate(epochMs: unknown): Date {
  if (typeof epochMs !== 'number') throw corrupt('a Date without a number');
  return new Date(epochMs);
}

export function makeRegExp(source: unknown, flags: unknown, lastIndex: unknown): RegExp {
  if (typeof source !== 'string' || typeof flags !== 'string' || typeof lastIndex !== 'number')
    throw corrupt('a RegExp without source, flags and lastIndex');
  try {
    const regexp = new RegExp(source, flags);
    regexp.lastIndex = lastIndex;
    return regexp;
  } catch (error) {
    throw corrupt('a RegExp that does not compile', error);
  }
}

/** An error without any property of its own, not even a stack. */
function makeError(className: unknown): Error {
  const prototype = ERROR_PROTOTYPES.get(className as string);
  if (prototype === undefined) throw corrupt(`an error of an unknown class, ${nameOf(className)}`);
  // No stack of this place: it would be dear, and is thrown away. Reflect, because a hardened program freezes Error.
  const { stackTraceLimit } = Error;
  Reflect.set(Error, 'stackTraceLimit', 0);
  try {
    const error = new Error();
    for (const key of Reflect.ownKeys(error)) Reflect.deleteProperty(error, key);
    return Object.setPrototypeOf(error, prototype);
  } finally {
    Reflect.set(Error, 'stackTraceLimit', stackTraceLimit);
  }
}

function makeBuffer(bytes: unknown): ArrayBuffer {
  if (!(bytes instanceof Uint8Array)) throw corrupt('an ArrayBuffer, or a view of one, without bytes');
  // The decoder gives every byte string a buffer of its own.
  return bytes.buffer as ArrayBuffer;
}

function makeView(kind: unknown, bytes: unknown): object {
  const make = VIEW_MAKERS.get(kind as string);
  if (make === undefined) throw corrupt(`an item of an unknown kind, ${nameOf(kind)}`);
  const buffer = makeBuffer(bytes);
  try {
    return make(buffer);
  } catch (error) {
    throw corrupt(`${nameOf(kind)} of a length that its bytes have not`, error);
  }
}

const MAKERS: ReadonlyMap<unknown, (first: unknown) => unknown> = new Map<
  unknown,
  (first: unknown) => unknown
>([
  ['-0', () => -0],
  ['string', makeString],
  ['bigint', makeBigInt],
  ['null-prototype', () => Object.create(null)],
  ['Date', makeDate],
  ['Map', () => new Map()],
  ['Set', () => new Set()],
  ['Error', makeError],
  ['ArrayBuffer', makeBuffer],
]);

/** What a special of this kind stands for, yet to be filled with what it holds. @param first - of its parts */
export function makeSpecial(kind: unknown, first: unknown): unknown {
  const make = MAKERS.get(kind);
  return make === undefined ? makeView(kind, first) : make(first);
}

/** A name from a file, for a message: never an object, whose conversion to text could throw. */
function nameOf(name: unknown): string {
  return typeof name === 'string' ? JSON.stringify(name.slice(0, 40)) : `a name of type ${typeof name}`;
}

export function corrupt(what: string, cause?: unknown): DeferredSweepError {
  return new DeferredSweepError('DEFERRED_STATE_CORRUPT', `cannot restore a value: it holds ${what}`, {
    cause,
  });
}
