/** A second reader of state files, written from docs/format.md alone: it shares no line with the code it checks. */
import { crc32 } from 'node:zlib';

export class Tagged {
  readonly tag: number;
  readonly value: unknown;

  constructor(tag: number, value: unknown) {
    this.tag = tag;
    this.value = value;
  }
}

/** Decodes a CBOR sequence (RFC 8742); throws RangeError when its last item is cut short. */
export function decodeSequence(bytes: Buffer): unknown[] {
  const items: unknown[] = [];
  let at = 0;
  const argument = (info: number): number => {
    if (info < 24) return info;
    const width = [1, 2, 4, 8][info - 24];
    if (width === undefined) throw new Error(`additional information ${info} is not of this format`);
    const value = width === 8 ? Number(bytes.readBigUInt64BE(at)) : bytes.readUIntBE(at, width);
    at += width;
    return value;
  };
  const take = (length: number): Buffer => {
    if (at + length > bytes.length) throw new RangeError('cut short');
    at += length;
    return bytes.subarray(at - length, at);
  };
  const simple = (info: number): unknown => {
    if (info === 26) return take(4).readFloatBE();
    if (info === 27) return take(8).readDoubleBE();
    if (info < 20 || info > 23) throw new Error(`simple value ${info} is not of this format`);
    return [false, true, null, undefined][info - 20];
  };
  const item = (): unknown => {
    const initial = take(1).readUInt8();
    const major = initial >> 5;
    if (major === 7) return simple(initial & 31);
    const count = argument(initial & 31);
    switch (major) {
      case 0:
        return count;
      case 1:
        return -1 - count;
      case 2:
        return new Uint8Array(take(count));
      case 3:
        return take(count).toString('utf8');
      case 4:
        return Array.from({ length: count }, item);
      case 5:
        return Object.fromEntries(Array.from({ length: count }, () => [item(), item()]));
      default:
        return new Tagged(count, item());
    }
  };
  while (at < bytes.length) items.push(item());
  return items;
}

export type Fields = Record<string, unknown>;

/** The records of a whole, undamaged state file. */
export function readRecords(bytes: Buffer): Fields[] {
  return decodeSequence(bytes).map(frame => {
    if (!(frame instanceof Tagged) || frame.tag !== 55799) throw new Error('a frame without its tag');
    const [checksum, payload] = frame.value as [number, Uint8Array];
    if (crc32(payload) !== checksum) throw new Error('a frame with a wrong checksum');
    return decodeSequence(Buffer.from(payload))[0] as Fields;
  });
}

/** The ids still to be run, in order. */
export function pendingIds(records: readonly Fields[]): unknown[] {
  const [header, ...rest] = records;
  const own = rest.filter(record => String(record.salt) === String(header?.salt));
  const ids = own.filter(({ kind }) => kind === 'defer').map(({ id }) => id);
  const isOver = (id: unknown): boolean =>
    own.some(
      record =>
        record.id === id && (record.kind === 'cancel' || (record.kind === 'done' && record.final === true)),
    );
  const pending = [...new Set(ids)].filter(id => !isOver(id));
  return header?.order === 'lifo' ? pending.reverse() : pending;
}
