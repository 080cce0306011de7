/** State files to start from: real ones of this version, with every kind of record, small and large. */

import { encodeFrame } from '#dist/log/frame.js';
import type { DeferRecord, StateRecord } from '#dist/log/records.js';
import { encode } from '#dist/value/codec.js';
import { snapshot } from '#dist/value/encode.js';
import { deferOf, headerOf, payloadOf, startOf } from '../../helpers/state-bytes.ts';
import { type Random, randomOf } from '../random.ts';

export interface CorpusFile {
  readonly salt: Buffer;
  /** One whole frame each, the header's first. */
  readonly frames: readonly Buffer[];
  /** Payloads of what was registered, by id. */
  readonly registered: ReadonlyMap<number, Buffer>;
}

const FILES = 40;

/** What the functions of a file are, where they are to be run. */
export type Called = (salt: Buffer, id: number) => Partial<DeferRecord>;

/** The files of a seed; the last few hold the bytes of earlier ones in an argument, frames and all. */
export function corpusOf(seed: number, called?: Called): readonly CorpusFile[] {
  const files: CorpusFile[] = [];
  for (let index = 0; index < FILES; index++) {
    const random = randomOf(seed, 1, index);
    const nested = index > FILES - 6 ? Buffer.concat(random.pick(files).frames) : undefined;
    files.push(corpusFile(random, nested, called));
  }
  return files;
}

function corpusFile(random: Random, nested: Buffer | undefined, called?: Called): CorpusFile {
  const salt = Buffer.from(Array.from({ length: 8 }, () => random.whole(0, 255)));
  const header = headerOf({ salt, order: random.pick(['fifo', 'lifo'] as const) });
  const records: StateRecord[] = [header];
  const functions = random.weighted({ few: 6, many: 1 }) === 'few' ? random.whole(0, 5) : random.whole(6, 60);
  for (let id = 1; id <= functions; id++) {
    records.push(
      deferOf(id, argumentsOf(random, id, nested), {
        delivery: random.pick(['at-least-once', 'at-most-once'] as const),
        ...(random.chance(0.1) && { function: aSource }),
        ...called?.(salt, id),
      }),
    );
    if (random.chance(0.2)) records.push({ kind: 'cancel', id });
    if (random.chance(0.2)) records.push(startOf(id));
    if (random.chance(0.2)) {
      const error = { name: 'Error', message: 'busy' };
      records.push({ kind: 'done', id, attempt: 1, atEpochMs: 2, final: random.chance(0.5), error });
    }
  }
  const payloads = records.map(record => payloadOf(record, salt));
  const registered = new Map<number, Buffer>();
  for (const [index, record] of records.entries()) {
    if (record.kind === 'defer') registered.set(record.id, payloads[index]!);
  }
  return { salt, frames: payloads.map(encodeFrame), registered };
}

function argumentsOf(random: Random, id: number, nested: Buffer | undefined): unknown[] {
  if (nested !== undefined && random.chance(0.5)) return [id, nested];
  switch (random.weighted({ plain: 5, deep: 2, large: 1 })) {
    case 'plain':
      return [id, `/scratch/${random.whole(0, 1e6)}`, { force: true }];
    case 'deep':
      return [new Map<unknown, unknown>([[id, new Set([new Date(0), 1n << 70n, /x/g, [undefined, -0]])]])];
    case 'large':
      return [id, 'x'.repeat(random.whole(100, 4000)), Buffer.alloc(random.whole(0, 2000), id)];
  }
}

const aSource = encode({
  kind: 'source',
  source: '() => number',
  strict: true,
  variables: ['number'],
  links: {},
  provided: [],
  closure: { references: [], values: snapshot([[], [42]], 'captured') },
});
