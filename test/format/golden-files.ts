/** The state files of test/format/golden/: what is in them, and what every version must read from them. */

import { encodeFrame } from '#dist/log/frame.js';
import type { DeferRecord, HeaderRecord, StateRecord } from '#dist/log/records.js';
import { encode } from '#dist/value/codec.js';
import { snapshot } from '#dist/value/encode.js';
import { deferOf, frameOf, headerOf, ourSalt, theirSalt } from '../helpers/state-bytes.js';

export interface Golden {
  readonly bytes: Buffer;
  /** Ids to be run, in order. */
  readonly pending: readonly number[];
  /** Attempts of each registered function. */
  readonly attempts?: Readonly<Record<number, number>>;
  readonly tornBytes?: number;
  readonly damagedBytes?: number;
  /** The code that reading the header ends with. */
  readonly isNewer?: true;
}

const golden: Pick<DeferRecord, 'function' | 'name'> = {
  name: 'remove',
  function: encode({ kind: 'module', module: 'file:///opt/app/cleanup.mjs', export: 'remove' }),
};
const header: HeaderRecord = headerOf({
  label: 'golden',
  owner: { ...headerOf().owner, bootId: 'f00d', startTicks: 4242, pidNamespace: 'pid:[4026531836]' },
  nodePath: '/usr/bin/node',
  startedIn: { path: '/opt/app', inode: '8:3', uid: 0 },
  cwd: { path: '/', inode: '8:1', uid: 0 },
});
const claim: StateRecord = {
  kind: 'claim',
  nonce: '00112233445566ff.1',
  pid: 99,
  host: 'node-1',
  atEpochMs: 1_700_000_001_500,
};
const first = deferOf(1, ['/scratch/1', { force: true }], golden);
const second = deferOf(2, [2, -1, 1.5, null, undefined, false], {
  name: 'rm -rf /scratch/2',
  function: encode({
    kind: 'command',
    file: '/bin/rm',
    argv: ['-rf', '/scratch/2'],
    cwd: { path: '/', inode: '8:1', uid: 0 },
    env: { LANG: 'C' },
  }),
  cwd: { path: '/scratch', inode: '8:2', uid: 1000 },
  env: { DOCKER_HOST: 'unix:///run/docker.sock', KUBECONFIG: null },
  delivery: 'at-most-once',
  timeoutMs: 60_000,
  maxAttempts: 1,
});
const third = deferOf(3, [], {
  name: 'inline',
  function: encode({
    kind: 'source',
    source: '() => 3',
    strict: true,
    variables: [],
    links: {},
    provided: [],
  }),
});
const error = { name: 'Error', message: 'busy', code: 'EBUSY', stack: 'Error: busy' };
const start = (id: number, attempt: number): StateRecord => ({
  kind: 'start',
  id,
  attempt,
  nonce: '00112233445566ff.1',
  pid: 99,
  atEpochMs: 1_700_000_002_000,
});
const done = (id: number, attempt: number, final: boolean, isFailed: boolean): StateRecord => ({
  kind: 'done',
  id,
  attempt,
  atEpochMs: 1_700_000_003_000,
  ...(isFailed && { error }),
  final,
});

function file(...records: StateRecord[]): Buffer {
  return Buffer.concat([header, ...records].map(record => frameOf(record)));
}

const damagedMiddle = file(first, second, third);
const secondAt = file(first).length;
damagedMiddle[secondAt + 20]! ^= 1;
const unknownKind = encodeFrame(encode({ kind: 'note', text: 'from a later minor version', salt: ourSalt }));
const unknownField = encodeFrame(encode({ ...third, later: [1, { x: 2 }], salt: ourSalt }));
const newer = Buffer.concat([
  encodeFrame(encode({ kind: 'header', version: 2, other: 'shape', salt: ourSalt })),
  frameOf(first),
]);

/** Every kind of value an argument may be. */
export function specialValues(): unknown[] {
  const shared = { a: 1 };
  const cycle: { self?: unknown } = {};
  cycle.self = cycle;
  const failure = new RangeError('out', { cause: 'c' });
  failure.stack = 'RangeError: out';
  const regexp = /a+/gi;
  regexp.lastIndex = 2;
  return [
    -0,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    2 ** 53,
    123n,
    -(2n ** 70n),
    '\ud800',
    '\ufeffmark',
    new Date(0),
    new Date(Number.NaN),
    regexp,
    new Map<unknown, unknown>([
      [1, 'one'],
      ['k', new Set([1, shared])],
    ]),
    shared,
    cycle,
    Object.assign(Object.create(null), { x: 1 }),
    failure,
    new AggregateError([], 'all'),
    Buffer.from('buffer'),
    new Uint8Array([1]),
    new Uint16Array([1, 258]),
    new Float64Array([0.5]),
    new BigInt64Array([-1n]),
    new DataView(new ArrayBuffer(2)),
    new ArrayBuffer(3),
  ].map(value => {
    if (value instanceof AggregateError) value.stack = 'AggregateError: all';
    return value;
  });
}

/** By file name. */
export function goldenFiles(): Record<string, Golden> {
  const attempts = { 1: 0, 2: 0, 3: 0 };
  return {
    plain: { bytes: file(first, second, third), pending: [1, 2, 3], attempts },
    lifo: {
      bytes: Buffer.concat(
        [headerOf({ order: 'lifo', lock: 'ofd', durability: 'disk' }), first, second].map(r => frameOf(r)),
      ),
      pending: [2, 1],
    },
    marks: {
      bytes: file(
        first,
        second,
        third,
        claim,
        start(1, 1),
        done(1, 1, false, true),
        start(2, 1),
        start(3, 1),
        done(3, 1, true, false),
        start(1, 2),
      ),
      pending: [1, 2],
      attempts: { 1: 2, 2: 1, 3: 1 },
    },
    cancel: { bytes: file(first, second, { kind: 'cancel', id: 1 }), pending: [2] },
    torn: { bytes: file(first, second).subarray(0, -7), pending: [1], tornBytes: frameOf(second).length - 7 },
    zeros: { bytes: Buffer.concat([file(first), Buffer.alloc(64)]), pending: [1], tornBytes: 64 },
    damaged: { bytes: damagedMiddle, pending: [1, 3], damagedBytes: frameOf(second).length },
    stranger: {
      bytes: Buffer.concat([file(first), frameOf(second, theirSalt)]),
      pending: [1],
      damagedBytes: frameOf(second, theirSalt).length,
    },
    'unknown-kind': { bytes: Buffer.concat([file(first), unknownKind, frameOf(second)]), pending: [1, 2] },
    'unknown-field': { bytes: Buffer.concat([file(first), unknownField]), pending: [1, 3] },
    newer: { bytes: newer, pending: [], isNewer: true },
    'dead-letter': {
      bytes: file(first, start(1, 1), done(1, 1, false, true), start(1, 2), done(1, 2, true, true)),
      pending: [],
      attempts: { 1: 2 },
    },
    values: { bytes: file({ ...first, arguments: snapshot(specialValues(), 'args') }), pending: [1] },
  };
}
