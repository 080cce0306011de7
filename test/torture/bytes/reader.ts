/**
 * Reads generated state files as a sweep does, and judges: `node reader.js SEED FROM COUNT`. Sends a message for each
 * batch: how many were read and the most memory used, or what was found at which index.
 */

import { DeferredSweepError } from '#dist/errors.js';
import { parseDescriptor } from '#dist/function/descriptor.js';
import type { StateContents } from '#dist/log/contents.js';
import type { HeaderRecord } from '#dist/log/records.js';
import { replay } from '#dist/log/replay.js';
import { restore } from '#dist/value/decode.js';
import { payloadOf } from '../../helpers/state-bytes.ts';
import { randomOf } from '../random.ts';
import { corpusOf } from './corpus.ts';
import { mutate } from './mutations.ts';

export interface Batch {
  readonly read: number;
  readonly maxRssBytes: number;
  readonly found: readonly string[];
}

const BATCH = 500;
/** No file here has more than two megabytes: what takes so long is no slow machine. */
const MAX_FILE_MS = 10_000;
const [seed = 0, from = 0, count = 0] = process.argv.slice(2).map(Number);
const files = corpusOf(seed);
const headers = new Map(files.map(({ salt, frames }) => [salt.toString('hex'), frames[0]!.subarray(14)]));
const registered = new Map(files.map(file => [file.salt.toString('hex'), file.registered]));

let found: string[] = [];
for (let index = from; index < from + count; index++) {
  const { how, bytes, isForged } = mutate(files, randomOf(seed, 2, index));
  const startMs = performance.now();
  try {
    judge(bytes, isForged);
    const ms = performance.now() - startMs;
    if (ms > MAX_FILE_MS) throw new Error(`took ${ms} ms`);
  } catch (error) {
    found.push(`seed ${seed}, file ${index} (${how}): ${String(error)}`);
  }
  if ((index + 1 - from) % BATCH === 0 || index + 1 === from + count)
    await tell(((index - from) % BATCH) + 1);
}

async function tell(read: number): Promise<void> {
  const batch: Batch = { read, maxRssBytes: process.resourceUsage().maxRSS * 1024, found };
  found = [];
  await new Promise(resolve => process.send?.(batch, resolve));
}

/** @throws for anything a sweep must not meet: an error without a code, a function that nobody registered. */
function judge(bytes: Buffer, isForged: boolean): void {
  const contents = withoutCode(() => replay(bytes));
  if (contents === undefined) return;
  // It says where, and with which options of Node, all of them are run.
  if (!isForged && contents.header) assertWritten(contents.header);
  for (const { record } of contents.pending()) {
    withoutCode(() => parseDescriptor(record.function));
    withoutCode(() => restore(record.arguments));
    if (!isForged) assertRegistered(contents, record.id);
  }
}

function assertWritten(header: HeaderRecord): void {
  const written = headers.get(Buffer.from(header.salt).toString('hex'));
  if (!written?.equals(payloadOf(header, header.salt))) throw new Error('nobody wrote this header');
}

function assertRegistered(contents: StateContents, id: number): void {
  const { salt } = contents.header!;
  const payload = registered.get(Buffer.from(salt).toString('hex'))?.get(id);
  const found = payloadOf(contents.functions.get(id)!.record, salt);
  if (payload === undefined || !payload.equals(found)) throw new Error(`function ${id} was never registered`);
}

/** What `read` returns, or undefined when it throws one of our errors: that is an answer. */
function withoutCode<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof DeferredSweepError) return undefined;
    throw error;
  }
}
