/** What the bytes of a file may cost its reader, whatever they are. */

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { decodeDescriptor } from '#dist/function/descriptor.js';
import { encodeFrame } from '#dist/log/frame.js';
import { replay } from '#dist/log/replay.js';
import { encode } from '#dist/value/codec.js';
import { onlyFull, sample } from '../helpers/size.ts';
import { deferOf, frameOf, framesOf, headerOf, theirSalt } from '../helpers/state-bytes.js';

const DAMAGE_BYTES = 16 * 1024 * 1024;
const header = Buffer.concat(framesOf(headerOf()));

/** The head of a frame whose payload has this length, with a wrong checksum unless it is empty. */
function headOf(lengthBytes: number): Buffer {
  const head = Buffer.from('d9d9f7821a000000005a00000000', 'hex');
  head.writeUInt32BE(lengthBytes, 10);
  return head;
}

const damage: Readonly<Record<string, Buffer>> = {
  zeros: Buffer.from([0]),
  'the first byte of a magic': Buffer.from([0xd9]),
  magics: headOf(0).subarray(0, 5),
  'frames that overlap': headOf(8 * 1024 * 1024),
  'frames of nothing': encodeFrame(Buffer.alloc(0)),
  'frames that are no records': encodeFrame(Buffer.from([0xa0])),
  'records of another file': frameOf({ kind: 'cancel', id: 1 }, theirSalt),
};

/** Of the processor: what other processes take of the machine's time does not count. */
function msOf(step: () => void): number {
  const before = process.cpuUsage();
  step();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1000;
}

const starts = [
  ['behind a header', header],
  ['behind a header and one damaged byte', Buffer.concat([header, Buffer.from([1])])],
  ['instead of a header', Buffer.from([1])],
] as const;

for (const [what, unit] of Object.entries(damage)) {
  for (const [where, start] of sample(starts, 1)) {
    test(`16 MB of ${what}, ${where}, are read in under 2 s`, () => {
      const bytes = Buffer.concat([start, Buffer.alloc(DAMAGE_BYTES, unit)]);
      const ms = msOf(() => {
        const contents = replay(bytes);
        assert.ok(contents.damagedBytes + contents.tornBytes >= DAMAGE_BYTES);
        assert.equal(contents.functions.size, 0);
      });
      assert.ok(ms < 2000, `${ms} ms`);
    });
  }
}

test('records between damage are found however many there are', () => {
  const frames = Array.from({ length: 10_000 }, (_, index) =>
    Buffer.concat([Buffer.from('junk'), frameOf(deferOf(index + 1, []))]),
  );
  assert.equal(replay(Buffer.concat([header, ...frames])).functions.size, 10_000);
});

/** Replays `count` marks of one function in a process of its own: what it took of time and memory. */
function replayMarks(count: number): { ms: number; rssMb: number } {
  const url = (name: string): string => JSON.stringify(import.meta.resolve(name));
  const { stdout, stderr, status } = spawnSync(
    process.execPath,
    [
      '--input-type=module',
      '--eval',
      `import { replay } from ${url('#dist/log/replay.js')};
       import { deferOf, frameOf, framesOf, headerOf } from ${url('../helpers/state-bytes.js')};
       const head = Buffer.concat(framesOf(headerOf(), deferOf(1, [])));
       const mark = attempt => frameOf({ kind: 'done', id: 1, attempt, atEpochMs: 1, final: false });
       const bytes = Buffer.alloc(head.length + ${count} * 100);
       let at = head.copy(bytes);
       for (let attempt = 1; attempt <= ${count}; attempt++) at += mark(attempt).copy(bytes, at);
       const before = process.cpuUsage();
       const contents = replay(bytes.subarray(0, at));
       const { user, system } = process.cpuUsage(before);
       if (contents.functions.get(1).nextAttempt !== ${count} + 1) throw new Error('not all marks were read');
       console.log(JSON.stringify({ ms: (user + system) / 1000, rssMb: process.resourceUsage().maxRSS / 1024 }));`,
    ],
    { encoding: 'utf8', timeout: 600_000, killSignal: 'SIGKILL' },
  );
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as { ms: number; rssMb: number };
}

test('ten times the marks take some ten times the time, up to a million', {
  skip: onlyFull,
  timeout: 1_300_000,
}, () => {
  const few = replayMarks(100_000);
  const many = replayMarks(1_000_000);
  assert.ok(many.ms < few.ms * 25, `${few.ms} ms for 100,000, ${many.ms} ms for 1,000,000`);
});

const text = {
  kind: 'source',
  source: '() => {}',
  strict: true,
  variables: [],
  links: {},
  provided: [],
};

for (const name of ['a b', '', 'a=1', '...a', '{a}', 'a){', 'a,b', 'a//', '1a', 'a\n', '𠮷']) {
  test(`${JSON.stringify(name)} is refused where a variable has to be named`, () => {
    const closure = {
      references: [{ kind: 'module', module: 'node:fs', export: 'rm' }],
      values: Buffer.alloc(0),
    };
    for (const fields of [{ variables: [name] }, { provided: [name] }, { links: { [name]: 0 } }]) {
      assert.throws(
        () => decodeDescriptor(encode({ ...text, closure, ...fields })),
        { code: 'DEFERRED_STATE_CORRUPT' },
        JSON.stringify(fields),
      );
    }
  });
}

test('every name that a variable can have is taken, but for letters beyond U+FFFF, of which V8 dies', () => {
  const provided = ['$', '_a', 'é', 'ｘ１', '变量', 'a\u200d'];
  assert.deepEqual(decodeDescriptor(encode({ ...text, provided })), {
    ...text,
    links: Object.create(null),
    provided,
  });
});

test('positions that V8 cannot count are taken for large ones', () => {
  const found = decodeDescriptor(encode({ ...text, line: 2 ** 40, column: 2 ** 31 }));
  assert.deepEqual(found.kind === 'source' && [found.line, found.column], [2 ** 30, 2 ** 30]);
});
