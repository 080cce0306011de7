/**
 * Records: the content of a state file's frames. `docs/format.md`, section "Records".
 * Pure: bytes in, shapes out. A record is a CBOR map with text keys. Unknown fields are ignored.
 */
import { decode, encode } from '../cbor/codec.ts';
import { type Fields, fieldsOf } from '../cbor/fields.ts';
import { DeferredSweepError } from '../errors.ts';
import type { LockScheme } from '../lock/advisory-lock.ts';
import { MAX_TIMER_MS } from './clock.ts';

/** The major format version this code writes and reads. */
export const FORMAT_VERSION = 1;

/** What happens to a function in whose attempt a process died: it is repeated, or given up. */
export type Delivery = 'at-least-once' | 'at-most-once';
/** Which function of a job runs first: the first or the last registered one. */
export type RunOrder = 'fifo' | 'lifo';
/** What a registration survives: the death of processes, or also of the machine (fdatasync(2)). */
export type Durability = 'process' | 'disk';

/** The process that registered the functions of a state file. */
export interface Owner {
  readonly pid: number;
  readonly host: string;
  /** Identity of the machine's boot; `null` if the system does not tell. */
  readonly bootId: string | null;
  readonly startedAtEpochMs: number;
  /** Clock ticks from boot to its start (proc_pid_stat(5), field 22); `null` if the system does not tell. */
  readonly startTicks: number | null;
  /** Names its pid namespace (pid_namespaces(7)); `null` if the system does not tell. In others its pid means nothing. */
  readonly pidNamespace: string | null;
}

/** A directory, by path, inode and owner. */
export interface Place {
  readonly path: string;
  /** `dev:ino`. */
  readonly inode: string;
  /** The id of its owner. */
  readonly uid: number;
}

/** The first record of a file. Written before the file gets its name, and never changed. */
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
  /** Version of Node. */
  readonly node: string;
  /** Path of Node; empty for a program with Node inside, which would start itself. */
  readonly nodePath: string;
  readonly execArgv: readonly string[];
  /** The environment variable NODE_OPTIONS; empty if it was not set. */
  readonly nodeOptions: string;
  /** The directory in which Node was started; relative names in its options refer to it. `null`: it was gone. */
  readonly startedIn: Place | null;
  /** Working directory when the file was made. `null`: it was gone. */
  readonly cwd: Place | null;
  readonly umask: number;
  /** Whether Node's permission model was on. */
  readonly isRestricted: boolean;
  readonly label: string | null;
}

/** One registered function. */
export interface DeferRecord {
  readonly kind: 'defer';
  /** 1, 2, 3, … in order of registration. */
  readonly id: number;
  readonly name: string;
  /** CBOR of the stored form of the function; decoded only when it runs, by `src/function/descriptor.ts`. */
  readonly function: Uint8Array;
  /** The snapshot of the argument list; decoded only when the function runs. */
  readonly arguments: Uint8Array;
  readonly registeredAtEpochMs: number;
  readonly delivery: Delivery;
  /** 0: no time limit. */
  readonly timeoutMs: number;
  readonly maxAttempts: number;
  /** Pause between the first and the second attempt. Doubled for each further one. */
  readonly retryDelayMs: number;
  /** Working directory at registration, if it was not the header's. */
  readonly cwd?: Place | null;
  /** Environment variables captured at registration. `null`: the variable was not set. */
  readonly env?: Readonly<Record<string, string | null>>;
  /** Users, beside root and the owner, who could replace its module or program at registration. */
  readonly codeOwners?: readonly number[];
}

/** Takes back the registration with this id. */
export interface CancelRecord {
  readonly kind: 'cancel';
  readonly id: number;
}

/** A sweep has claimed the file: its owner is gone. While the lock is held, it is being swept. */
export interface ClaimRecord {
  readonly kind: 'claim';
  /** The sweep and, after a dot, which of its processes: 0 is the sweeper, then its runners. */
  readonly nonce: string;
  readonly pid: number;
  readonly host: string;
  readonly atEpochMs: number;
}

/** An attempt to run a function begins. */
export interface StartRecord {
  readonly kind: 'start';
  readonly id: number;
  readonly attempt: number;
  /** Names the runner or the job. A pid would not do: it is used again, and means nothing in another namespace. */
  readonly nonce: string;
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

/** A dead letter was given fresh attempts: those before count no more, and a final one ended nothing. */
export interface RetryRecord {
  readonly kind: 'retry';
  readonly id: number;
  readonly atEpochMs: number;
}

/** The marks of an attempt. */
export type Mark = StartRecord | DoneRecord;
/** Every record of format version 1. */
export type StateRecord = HeaderRecord | DeferRecord | CancelRecord | ClaimRecord | RetryRecord | Mark;

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
  /** `undefined` for an unknown kind, which is left alone. */
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
function readRecord(tree: unknown): SaltedRecord {
  const fields = fieldsOf(tree, 'record');
  const kind = fields.text('kind');
  // First of all, since a header of another version may have another shape.
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
          function: fields.bytes('function'),
          arguments: fields.bytes('arguments'),
          registeredAtEpochMs: fields.number('registeredAtEpochMs'),
          delivery: fields.oneOf('delivery', ['at-least-once', 'at-most-once']),
          timeoutMs: timerMs(fields, 'timeoutMs'),
          maxAttempts: fields.count('maxAttempts'),
          retryDelayMs: timerMs(fields, 'retryDelayMs'),
          ...(fields.has('cwd') && { cwd: decodePlace(fields, 'cwd') }),
          ...(fields.has('codeOwners') && { codeOwners: fields.numbers('codeOwners') }),
          ...(fields.has('env') && { env: fields.map('env').entries((env, name) => env.textOrNull(name)) }),
        },
      };
    case 'claim':
      return {
        salt,
        record: {
          kind: 'claim',
          nonce: fields.text('nonce'),
          pid: fields.number('pid'),
          host: fields.text('host'),
          atEpochMs: fields.number('atEpochMs'),
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
          nonce: fields.text('nonce'),
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
    case 'retry':
      return {
        salt,
        record: { kind: 'retry', id: fields.count('id'), atEpochMs: fields.number('atEpochMs') },
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
      startTicks: owner.numberOrNull('startTicks'),
      pidNamespace: owner.textOrNull('pidNamespace'),
    },
    createdAtEpochMs: fields.number('createdAtEpochMs'),
    node: fields.text('node'),
    nodePath: fields.text('nodePath'),
    execArgv: fields.texts('execArgv'),
    nodeOptions: fields.text('nodeOptions'),
    startedIn: decodePlace(fields, 'startedIn'),
    cwd: decodePlace(fields, 'cwd'),
    umask: fields.number('umask') & 0o777,
    isRestricted: fields.boolean('isRestricted'),
    label: fields.textOrNull('label'),
  };
}

function decodePlace(fields: Fields, name: string): Place | null {
  if (fields.any(name) === null) return null;
  const place = fields.map(name);
  return { path: place.text('path'), inode: place.text('inode'), uid: place.number('uid') };
}

/** Bounds a time by the longest that a timer can wait. A longer timer would fire at once. */
function timerMs(fields: Fields, name: string): number {
  return Math.min(fields.number(name), MAX_TIMER_MS);
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
