/** State files made of chosen records, and what a sweep makes of them. */

import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { frameRecord } from '#dist/log/encode-record.js';
import { FRAME_HEAD_BYTES } from '#dist/log/frame.js';
import type { DeferRecord, HeaderRecord, StartRecord, StateRecord } from '#dist/log/records.js';
import { placeOf } from '#dist/state/place.js';
import { encode } from '#dist/value/codec.js';
import { snapshot } from '#dist/value/encode.js';

const root = placeOf('/');

export const ourSalt: Uint8Array = new Uint8Array([1, 2, 3, 4, 5, 6, 7, 8]);
export const theirSalt: Uint8Array = new Uint8Array([8, 7, 6, 5, 4, 3, 2, 1]);

export function headerOf(fields: Partial<HeaderRecord> = {}): HeaderRecord {
  return {
    kind: 'header',
    version: 1,
    salt: ourSalt,
    lock: 'flock',
    durability: 'process',
    order: 'fifo',
    owner: {
      pid: 4711,
      host: 'node-1',
      bootId: null,
      startedAtEpochMs: 1_700_000_000_000,
      startTicks: null,
      pidNamespace: null,
    },
    createdAtEpochMs: 1_700_000_000_500,
    node: '20.20.2',
    nodePath: '',
    execArgv: [],
    nodeOptions: '',
    startedIn: null,
    cwd: root,
    umask: 0o022,
    isRestricted: false,
    label: null,
    ...fields,
  };
}

/** The registration of a call of `note(...args)`. */
export function deferOf(id: number, args: unknown[], fields: Partial<DeferRecord> = {}): DeferRecord {
  return {
    kind: 'defer',
    id,
    name: 'note',
    function: encode({ kind: 'module', module: new URL('./ran.js', import.meta.url).href, export: 'note' }),
    arguments: snapshot(args, 'args'),
    registeredAtEpochMs: 1_700_000_001_000,
    delivery: 'at-least-once',
    timeoutMs: 0,
    maxAttempts: 3,
    retryDelayMs: 0,
    ...fields,
  };
}

/** The registration of a call of a function that is not there: it fails, and the file stays. */
export function failingOf(id: number): DeferRecord {
  const module = new URL('./ran.js', import.meta.url).href;
  return deferOf(id, [], { function: encode({ kind: 'module', module, export: 'missing' }) });
}

export function frameOf(record: StateRecord, salt: Uint8Array = ourSalt): Buffer {
  return frameRecord(record, salt, 'the file of a test');
}

/** What is in that frame. */
export function payloadOf(record: StateRecord, salt: Uint8Array): Buffer {
  return frameOf(record, salt).subarray(FRAME_HEAD_BYTES);
}

/** The frames of a state file with this header and these records. */
export function framesOf(header: HeaderRecord, ...records: StateRecord[]): Buffer[] {
  return [header, ...records].map(record => frameOf(record, header.salt));
}

/** Where each of some pieces ends when they are put together. */
export function endsOf(pieces: readonly Buffer[]): number[] {
  let end = 0;
  return pieces.map(piece => {
    end += piece.length;
    return end;
  });
}

/** A base directory with its state directory. */
export function stateBase(t: TestContext): {
  base: string;
  put: (bytes: Uint8Array, name?: string) => string;
} {
  const base = mkdtempSync(join(tmpdir(), 'deferred-sweep-test-'));
  t.after(() => rmSync(base, { recursive: true, force: true }));
  const directory = join(base, 'deferred');
  mkdirSync(directory, { mode: 0o700 });
  const put = (bytes: Uint8Array, name = 'funcfile'): string => {
    const path = join(directory, name);
    writeFileSync(path, bytes, { mode: 0o600 });
    chmodSync(path, 0o600);
    return path;
  };
  return { base, put };
}

/** A mark of the first attempt of a function, or of another one. */
export function startOf(id: number, attempt = 1): StartRecord {
  return { kind: 'start', id, attempt, nonce: 'before.1', pid: 1, atEpochMs: 1 };
}
