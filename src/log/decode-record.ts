/** Records from bytes. Each field is checked, unknown ones are ignored. */
import { DeferredSweepError } from '../errors.ts';
import { decode } from '../value/codec.ts';
import { MAX_TIMER_MS } from './clock.ts';
import {
  FORMAT_VERSION,
  type HeaderRecord,
  type Place,
  type ReportedError,
  type StateRecord,
} from './records.ts';
import { type Fields, fieldsOf } from './validate.ts';

/** A record read back, and the salt of the file it was written into. */
export interface SaltedRecord {
  readonly salt: Uint8Array;
  /** `undefined` for an unknown kind, which is left alone. */
  readonly record: StateRecord | undefined;
}

/** @throws DeferredSweepError `DEFERRED_STATE_CORRUPT`; `DEFERRED_STATE_VERSION` for the header of another major version */
export function decodeRecord(payload: Uint8Array): SaltedRecord {
  const fields = fieldsOf(decode(payload), 'record');
  // First of all, since a header of another version may have another shape.
  if (fields.text('kind') === 'header') checkVersion(fields.count('version'));
  const salt = fields.bytes('salt');
  return { salt, record: readRecord(fields, salt) };
}

/** The record of these fields, each checked: of what a decoder made, or a writer is about to encode. */
export function readRecord(fields: Fields, salt: Uint8Array): StateRecord | undefined {
  const kind = fields.text('kind');
  return kind === 'header' ? decodeHeader(fields, salt) : decodeEntry(kind, fields);
}

function decodeEntry(kind: string, fields: Fields): StateRecord | undefined {
  switch (kind) {
    case 'defer':
      return {
        kind,
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
      };
    case 'claim':
      return {
        kind,
        nonce: fields.text('nonce'),
        pid: fields.number('pid'),
        host: fields.text('host'),
        atEpochMs: fields.number('atEpochMs'),
      };
    case 'cancel':
      return { kind, id: fields.count('id') };
    case 'start':
      return {
        kind,
        id: fields.count('id'),
        attempt: fields.count('attempt'),
        nonce: fields.text('nonce'),
        pid: fields.number('pid'),
        atEpochMs: fields.number('atEpochMs'),
      };
    case 'done':
      return {
        kind,
        id: fields.count('id'),
        attempt: fields.count('attempt'),
        atEpochMs: fields.number('atEpochMs'),
        final: fields.boolean('final'),
        ...(fields.has('error') && { error: decodeError(fields.any('error')) }),
      };
    case 'retry':
      return { kind, id: fields.count('id'), atEpochMs: fields.number('atEpochMs') };
    default:
      return undefined;
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
    ...(fields.has('preloadsProgram') && { preloadsProgram: fields.boolean('preloadsProgram') }),
    ...(fields.has('loaderOwners') && { loaderOwners: fields.numbers('loaderOwners') }),
  };
}

export function decodePlace(fields: Fields, name: string): Place | null {
  if (fields.any(name) === null) return null;
  const place = fields.map(name);
  const bornAtNs = place.optionalText('bornAtNs');
  const overlayBornAtNs = place.optionalText('overlayBornAtNs');
  return {
    path: place.text('path'),
    inode: place.text('inode'),
    uid: place.number('uid'),
    ...(bornAtNs !== undefined && { bornAtNs }),
    ...(overlayBornAtNs !== undefined && { overlayBornAtNs }),
  };
}

/** Bounds a time by the longest that a timer can wait. A longer timer would fire at once. */
function timerMs(fields: Fields, name: string): number {
  return Math.min(fields.number(name), MAX_TIMER_MS);
}

export function decodeError(tree: unknown): ReportedError {
  const fields = fieldsOf(tree, 'error');
  return {
    name: fields.text('name'),
    message: fields.text('message'),
    ...(fields.has('code') && { code: fields.text('code') }),
    ...(fields.has('stack') && { stack: fields.text('stack') }),
  };
}
