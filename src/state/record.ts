/**
 * Records: what the frames of a state file say. `docs/format.md`, section "Records".
 * Pure: bytes in, shapes out. A record is a CBOR map with text keys; fields this version does not know are ignored.
 */
import { decode, encode } from '../cbor/codec.ts';
import { type Fields, fieldsOf } from '../cbor/fields.ts';
import { DeferredSweepError } from '../errors.ts';
import type { LockScheme } from '../lock/advisory-lock.ts';

/** The major format version this code writes and reads. */
export const FORMAT_VERSION = 1;

/** Whether a function in progress at its runner's death is repeated or given up. */
export type Delivery = 'at-least-once' | 'at-most-once';
/** Which of a job's functions runs first: the one registered first, or last. */
export type RunOrder = 'fifo' | 'lifo';
/** What a finished registration survives: the death of processes, or of the machine too (fdatasync(2)). */
export type Durability = 'process' | 'disk';

/** The process that registered the functions of a state file. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Identity of the machine's boot; `null` where the system does not tell. */
  readonly bootId: string | null;
  readonly startedAtEpochMs: number;
}

/** First record of a file, written before the file gets its name, never changed. */
export interface HeaderRecord {
  readonly kind: 'header';
  readonly version: number;
  /** 8 random bytes, repeated in every record: a record with another salt is not of this file. */
  readonly salt: Uint8Array;
  readonly lock: LockScheme;
  readonly durability: Durability;
  readonly order: RunOrder;
  readonly owner: Owner;
  readonly createdAtEpochMs: number;
  readonly node: string;
  readonly execArgv: readonly string[];
  readonly cwd: string;
  readonly label: string | null;
}

/** One registered function. */
export interface DeferRecord {
  readonly kind: 'defer';
  /** 1, 2, 3, … in order of registration. */
  readonly id: number;
  readonly name: string;
  /** The stored form of the function; `src/function/descriptor.ts` reads it. */
  readonly function: unknown;
  /** The snapshot of the argument list; decoded only when the function runs. */
  readonly arguments: Uint8Array;
  readonly registeredAtEpochMs: number;
  readonly delivery: Delivery;
  /** 0: no time limit. */
  readonly timeoutMs: number;
  readonly maxAttempts: number;
}

/** The function of this id is no longer needed. */
export interface CancelRecord {
  readonly kind: 'cancel';
  readonly id: number;
}

/** An attempt to run a function begins. */
export interface StartRecord {
  readonly kind: 'start';
  readonly id: number;
  readonly attempt: number;
  readonly pid: number;
  readonly atEpochMs: number;
}

/** An error as it is stored and reported: plain data. */
export interface ReportedError {
  readonly name: string;
  readonly message: string;
  readonly code?: string;
  readonly stack?: string;
}

/** An attempt ended. */
export interface DoneRecord {
  readonly kind: 'done';
  readonly id: number;
  readonly attempt: number;
  readonly atEpochMs: number;
  /** Absent when the function succeeded. */
  readonly error?: ReportedError;
  /** True: the function never runs again. */
  readonly final: boolean;
}

/** What runners write about a function. */
export type Mark = StartRecord | DoneRecord;
/** Every record of format version 1. */
export type StateRecord = HeaderRecord | DeferRecord | CancelRecord | Mark;

/**
 * The payload of the frame of `record`, bound to the file with this salt. The only place where records are encoded: what a
 * reader would refuse is refused here, before it is acknowledged.
 * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` naming the field
 */
export function encodeRecord(record: StateRecord, salt: Uint8Array): Buffer {
  const tree = { ...record, salt };
  readRecord(tree);
  return encode(tree);
}

/** A record read back, and the salt of the file it was written into. */
export interface SaltedRecord {
  readonly salt: Uint8Array;
  /** `undefined` for a kind this version does not know: it is left alone. */
  readonly record: StateRecord | undefined;
}

/**
 * Reads one payload.
 * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` when the bytes are not CBOR of this shape,
 * `DEFERRED_STATE_VERSION` for the header of another major version.
 */
export function decodeRecord(payload: Uint8Array): SaltedRecord {
  return readRecord(decode(payload));
}

/**
 * The record a tree holds, each field checked: what a decoder made, or what a writer is about to encode.
 * @throws as {@link decodeRecord}
 */
export function readRecord(tree: unknown): SaltedRecord {
  const fields = fieldsOf(tree, 'record');
  const kind = fields.text('kind');
  // Before anything else of a header is read: another version may have another shape.
  if (kind === 'header') checkVersion(fields.count('version'));
  const salt = fields.bytes('salt');
  switch (kind) {
    case 'header':
      return { salt, record: decodeHeader(fields, salt) };
    case 'defer':
      return {
        salt,
        record: {
          kind: 'defer',
          id: fields.count('id'),
          name: fields.text('name'),
          function: fields.any('function'),
          arguments: fields.bytes('arguments'),
          registeredAtEpochMs: fields.number('registeredAtEpochMs'),
          delivery: fields.oneOf('delivery', ['at-least-once', 'at-most-once']),
          timeoutMs: fields.number('timeoutMs'),
          maxAttempts: fields.count('maxAttempts'),
        },
      };
    case 'cancel':
      return { salt, record: { kind: 'cancel', id: fields.count('id') } };
    case 'start':
      return {
        salt,
        record: {
          kind: 'start',
          id: fields.count('id'),
          attempt: fields.count('attempt'),
          pid: fields.number('pid'),
          atEpochMs: fields.number('atEpochMs'),
        },
      };
    case 'done':
      return {
        salt,
        record: {
          kind: 'done',
          id: fields.count('id'),
          attempt: fields.count('attempt'),
          atEpochMs: fields.number('atEpochMs'),
          final: fields.boolean('final'),
          ...(fields.has('error') && { error: decodeError(fields.any('error')) }),
        },
      };
    default:
      return { salt, record: undefined };
  }
}

function checkVersion(version: number): void {
  if (version !== FORMAT_VERSION) {
    throw new DeferredSweepError(
      'DEFERRED_STATE_VERSION',
      `cannot read a state file of format version ${version}: this deferred-sweep reads version ${FORMAT_VERSION}; sweep it with the release that wrote it`,
    );
  }
}

function decodeHeader(fields: Fields, salt: Uint8Array): HeaderRecord {
  const owner = fieldsOf(fields.any('owner'), 'owner');
  return {
    kind: 'header',
    version: FORMAT_VERSION,
    salt,
    lock: fields.oneOf('lock', ['flock', 'ofd']),
    durability: fields.oneOf('durability', ['process', 'disk']),
    order: fields.oneOf('order', ['fifo', 'lifo']),
    owner: {
      pid: owner.number('pid'),
      host: owner.text('host'),
      bootId: owner.textOrNull('bootId'),
      startedAtEpochMs: owner.number('startedAtEpochMs'),
    },
    createdAtEpochMs: fields.number('createdAtEpochMs'),
    node: fields.text('node'),
    execArgv: fields.texts('execArgv'),
    cwd: fields.text('cwd'),
    label: fields.textOrNull('label'),
  };
}

function decodeError(tree: unknown): ReportedError {
  const fields = fieldsOf(tree, 'error');
  return {
    name: fields.text('name'),
    message: fields.text('message'),
    ...(fields.has('code') && { code: fields.text('code') }),
    ...(fields.has('stack') && { stack: fields.text('stack') }),
  };
}
