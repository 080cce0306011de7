/** A second reader of state files, written from docs/format.md alone: it shares no line with the code it checks. */
import { crc32 } from 'node:zlib';
import { readItem, readItems, Tagged } from '../value/tiny-reader.js';

export type Fields = Record<string, unknown>;

/** The records of a whole, undamaged state file. */
export function readRecords(bytes: Buffer): Fields[] {
  return readItems(bytes).map(frame => {
    if (!(frame instanceof Tagged) || frame.tag !== 55799) throw new Error('a frame without its tag');
    const [checksum, payload] = frame.content as [number, Uint8Array];
    if (crc32(payload) !== checksum) throw new Error('a frame with a wrong checksum');
    return readItem(payload) as Fields;
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
