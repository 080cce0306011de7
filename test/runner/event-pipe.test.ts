/**
 * What a function writes into its runner's event pipe costs that runner at most: every other function is run, once, and
 * reported as what it came to.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type SweepReport, sweep } from '#dist/index.js';
import { CONTROL_FD, EVENT_FD, eventLine, eventOf, MAX_LINE_BYTES } from '#dist/runner/protocol.js';
import { encode } from '#dist/value/codec.js';
import { read } from '../helpers/calls.ts';
import { sample } from '../helpers/size.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';
import { sweepElsewhere } from '../helpers/worker.ts';

const module = `data:text/javascript,${encodeURIComponent(`
  import { appendFileSync, closeSync, existsSync, openSync, writeSync } from 'node:fs';
  export function append(ledger, text) {
    appendFileSync(ledger, text + '\\n');
  }
  export async function forge(ledger, text, line) {
    appendFileSync(ledger, text + '\\n');
    for (let bytes = Buffer.from(line, 'latin1'); bytes.length > 0; ) bytes = bytes.subarray(writeSync(${EVENT_FD}, bytes));
    // The sweeper has read it, and done what it would, before anything else happens here.
    await new Promise(resolve => setTimeout(resolve, 100));
  }
  export function close(ledger, text, fd = '${EVENT_FD}') {
    appendFileSync(ledger, text + '\\n');
    closeSync(Number(fd));
  }
  export function reuse(ledger, text) {
    close(ledger, text);
    openSync(ledger, 'a');
  }
  export function stopSweeper(ledger, text) {
    append(ledger, text);
    process.kill(process.ppid, 'SIGSTOP');
  }
  export function closeWhenIdle(ledger, text, path) {
    append(ledger, text);
    // What comes after the last file of a round, in the same turn of the event loop, is that the runner is ready.
    const look = () => {
      if (existsSync(path)) return void setImmediate(look);
      closeSync(${CONTROL_FD});
      process.kill(process.ppid, 'SIGCONT');
    };
    setImmediate(look);
  }
  export function write(ledger, text) {
    append(ledger, text);
    const { stringify } = JSON;
    // As a careless polyfill: it leaves out what is deep.
    JSON.stringify = value => stringify(value, (key, part) => key && Object(part) === part ? undefined : part);
  }
  export function closeSoon(ledger, text) {
    setImmediate(() => close(ledger, text));
  }`)}`;

type What = 'append' | 'forge' | 'close' | 'reuse' | 'closeSoon' | 'write' | 'stopSweeper' | 'closeWhenIdle';

const call = (id: number, what: What, ...args: string[]) =>
  deferOf(id, args, { name: args[1] ?? '', function: encode({ kind: 'module', module, export: what }) });

/** One owner's functions, of which the second writes this line; then those of two other owners. */
async function sweepForged(
  t: TestContext,
  line: string,
  isLast = false,
): Promise<{ report: SweepReport; ran: string[]; directory: string }> {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const first = [call(1, 'append', ledger, 'before'), call(2, 'forge', ledger, 'forges', line)];
  if (!isLast) first.push(call(3, 'append', ledger, 'after'));
  put(Buffer.concat(framesOf(headerOf(), ...first)), 'func1');
  put(Buffer.concat(framesOf(headerOf(), call(1, 'append', ledger, 'second'))), 'func2');
  put(Buffer.concat(framesOf(headerOf(), call(1, 'append', ledger, 'third'))), 'func3');
  const report = await sweep(base, { logger: null, retryDelayMs: 0 });
  return { report, ran: read(ledger), directory: join(base, 'deferred') };
}

const HONEST = ['before', 'after', 'second', 'third'];
const json = (event: unknown): string => `${JSON.stringify(event)}\n`;
const ok = { id: 1, name: 'forged', outcome: 'ok', attempt: 1, ms: 0 };
const failed = {
  ...ok,
  outcome: 'failed',
  error: { name: 'Error', message: 'forged' },
  deadLetter: '/forged',
};
const end = { kind: 'file', isCut: false, report: { isRetired: true, pending: 0 } };
const left = { ...end, report: { ...end.report, isRetired: false } };

const LINES: Readonly<Record<string, string>> = {
  'a line that is JSON, and no event': 'null\n',
  'a line that is no JSON': '{"kind":\n',
  'the beginning of a line': '{"kind":"ran","file":"func',
  'a megabyte without an end': 'x'.repeat(2 ** 20),
  'a line longer than any': `${JSON.stringify({ kind: 'ready', turn: '', more: 'x'.repeat(MAX_LINE_BYTES) })}\n`,
  'an event of a file that was not given out': json({ kind: 'ran', file: '../../func1', report: ok }),
  "the end of another owner's function": json({ kind: 'ran', file: 'func2', report: ok }),
  "the failure of another owner's function": json({ kind: 'ran', file: 'func2', report: failed }),
  "the end of another owner's file": json({ ...end, file: 'func2' }),
  "another owner's file as left with nothing to do": json({ ...left, file: 'func2' }),
  "another owner's file as cut short": json({ ...left, file: 'func2', isCut: true }),
  "the loss of another owner's file": json({ kind: 'file', isCut: false, file: 'func2' }),
  'the end of its own file': json({ ...end, file: 'func1' }),
  'its own file as left with nothing to do': json({ ...left, file: 'func1' }),
  'that the runner is ready': json({ kind: 'ready', turn: '' }),
  'that all is done, and the runner ready':
    json({ ...left, file: 'func1' }) + json({ ...left, file: 'func2' }) + json({ kind: 'ready', turn: '' }),
  "the start of another owner's function, with a short limit": json({
    ...{ kind: 'start', file: 'func2', id: 1, name: 'forged', attempt: 1, timeoutMs: 1, isLast: false },
  }),
  'the start of the next function of its own file, with a short limit': json({
    ...{ kind: 'start', file: 'func1', id: 3, name: 'forged', attempt: 1, timeoutMs: 1, isLast: false },
  }),
};

for (const [what, line] of sample(Object.entries(LINES), 6)) {
  test(`a function that writes into the event pipe costs its runner at most: ${what}`, async t => {
    const { report, ran, directory } = await sweepForged(t, line);
    assert.deepEqual(ran.filter(text => text !== 'forges').sort(), [...HONEST].sort());
    assert.equal(ran.filter(text => text === 'forges').length, 1);
    const functions = report.files.flatMap(file => file.functions);
    for (const name of HONEST) {
      const said = functions.filter(one => one.name === name);
      assert.deepEqual(
        said.map(one => one.outcome),
        ['ok'],
        `${name} in ${JSON.stringify(report)}`,
      );
    }
    assert.equal(functions.length, HONEST.length + 1);
    // Where it died in the function, that has attempts left.
    const left = existsSync(directory) ? readdirSync(directory) : [];
    assert.deepEqual(left, report.pending === 0 ? [] : ['func1']);
    assert.equal(report.isComplete, true);
  });
}

const survived = ['the beginning of a line', 'a megabyte without an end', 'a line that is no JSON'];

for (const what of sample(survived, 1)) {
  test(`what its runner says after that is heard: ${what}, by the last function of a file`, async t => {
    const { report, ran } = await sweepForged(t, LINES[what]!, true);
    assert.deepEqual(ran, ['before', 'forges', 'second', 'third'], JSON.stringify(report));
    assert.deepEqual(
      report.files.flatMap(file => file.functions.map(one => `${one.name} ${one.outcome}`)),
      ['before ok', 'forges ok', 'second ok', 'third ok'],
    );
  });
}

for (const what of ['close', 'reuse'] as const)
  test(`a function that closes the event pipe (${what}) has run, once, and is reported; the next runs in another runner`, async t => {
    const { base, put } = stateBase(t);
    const ledger = join(base, 'ledger');
    const functions = [call(1, what, ledger, 'closes'), call(2, 'append', ledger, 'after')];
    put(Buffer.concat(framesOf(headerOf(), ...functions)), 'func1');
    const report = await sweep(base, { logger: null, retryDelayMs: 0 });
    assert.deepEqual(read(ledger), ['closes', 'after'], JSON.stringify(report));
    assert.deepEqual(
      report.files.flatMap(file =>
        file.functions.map(({ name, outcome, attempt, error }) => [name, outcome, attempt, error]),
      ),
      [
        ['closes', 'ok', 1, undefined],
        ['after', 'ok', 1, undefined],
      ],
    );
    assert.deepEqual([report.pending, report.isComplete], [0, true]);
  });

test('a function that closes the event pipe after its end costs no attempt of the next', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const next = call(1, 'append', ledger, 'next');
  put(Buffer.concat(framesOf(headerOf(), call(1, 'closeSoon', ledger, 'closes'))), 'func1');
  put(Buffer.concat(framesOf(headerOf(), { ...next, delivery: 'at-most-once' })), 'func2');
  const report = await sweep(base, { logger: null });
  assert.deepEqual(read(ledger), ['closes', 'next'], JSON.stringify(report));
  assert.equal(report.ok, 2);
});

test('a function that closes the control pipe leaves no runner that waits for files in vain', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const closes = call(1, 'close', ledger, 'closes', `${CONTROL_FD}`);
  // More than a runner is named before it is through with some.
  const names = ['closes', ...Array.from({ length: 40 }, (_, index) => `${index}`)];
  for (const [index, name] of names.entries())
    put(
      Buffer.concat(framesOf(headerOf(), index === 0 ? closes : call(1, 'append', ledger, name))),
      `func${100 + index}`,
    );
  // Less than a runner may take before its sweeper ends it.
  const report = await sweep(base, { logger: null, deadlineMs: 40_000 });
  assert.deepEqual(read(ledger), names);
  assert.deepEqual([report.ok, report.isComplete], [names.length, true]);
});

test('a runner whose control pipe is closed while it waits for files is left after the grace', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const lastPath = join(base, 'deferred', 'func131');
  // While the sweeper is stopped, the runner comes to the end of the two times 16 files that it was named.
  const names = Array.from({ length: 40 }, (_, index) => `${index}`);
  for (const [index, name] of names.entries()) {
    const what = index === 15 ? 'stopSweeper' : index === 31 ? 'closeWhenIdle' : 'append';
    put(Buffer.concat(framesOf(headerOf(), call(1, what, ledger, name, lastPath))), `func${100 + index}`);
  }
  // Less than a runner may take before its sweeper ends it.
  const options = { deadlineMs: 40_000, killGraceMs: 500 };
  const report = await sweepElsewhere(t, { verb: 'sweep', base, options });
  assert.deepEqual(read(ledger), names);
  assert.deepEqual([report.ok, report.failed, report.isComplete], [names.length, 0, true]);
});

test('a function that changes how lines are written costs its runner at most', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  put(
    Buffer.concat(
      framesOf(headerOf(), call(1, 'write', ledger, 'writes'), call(2, 'append', ledger, 'next')),
    ),
    'func1',
  );
  put(Buffer.concat(framesOf(headerOf(), call(1, 'append', ledger, 'second'))), 'func2');
  const report = await sweep(base, { logger: null, retryDelayMs: 0 });
  assert.deepEqual(read(ledger).sort(), ['next', 'second', 'writes']);
  assert.deepEqual([report.ok, report.failed, report.isComplete], [3, 0, true]);
});

test('an event is one of its turn alone, whatever else a line says', () => {
  const event = { kind: 'file', file: 'f', isCut: true, report: { isRetired: false } } as const;
  const line = eventLine(event, 'turn');
  assert.deepEqual(eventOf(line, 'turn'), event);
  assert.equal(eventOf(line, 'next'), undefined);
  assert.equal(eventOf(line, undefined), undefined);
  const forged: unknown[] = [
    '',
    [],
    {},
    null,
    true,
    event,
    { ...event, turn: '' },
    { ...event, turn: ['turn'] },
  ];
  for (const text of ['', ' ', line.slice(0, -2), ...forged.map(json)])
    for (const turn of ['turn', undefined]) assert.equal(eventOf(text, turn), undefined, text);
});

test('what is not shaped as an event is none, whichever part of it is not', () => {
  const error = { name: 'Error', message: 'no', code: 'X', stack: 'at' };
  const whole = {
    ready: { kind: 'ready' },
    start: { kind: 'start', file: 'f', id: 1, name: 'n', attempt: 1, timeoutMs: 0, isLast: true },
    ran: {
      kind: 'ran',
      file: 'f',
      report: { ...ok, outcome: 'failed', error, deadLetter: 'd', notes: ['other-node'] },
    },
    file: {
      kind: 'file',
      file: 'f',
      isCut: true,
      report: { isRetired: false, pending: 1, retryInMs: 1, error },
    },
  };
  const strange: unknown[] = [
    null,
    [],
    {},
    true,
    '',
    'strange',
    -1,
    1.5,
    Number.MAX_VALUE,
    [null],
    [[]],
    { toString: 1 },
  ];
  const said = (event: object) => eventOf(json({ ...event, turn: 't' }), 't');
  let refused = 0;
  for (const event of Object.values(whole)) {
    assert.ok(said(event), JSON.stringify(event));
    assert.deepEqual(said(withMore(event)), event);
    for (const bent of bend(event, strange)) {
      const parsed = said(bent);
      if (parsed === undefined) refused++;
      // Or it is one all the same: of the same types in all that is read of it.
      else assert.deepEqual(typesOf(parsed), typesOf(bent), JSON.stringify(bent));
    }
  }
  assert.ok(refused > 200, `only ${refused} were refused`);
  for (const strangeEvent of [{}, { kind: ['ready'] }, { kind: 'strange' }])
    assert.equal(said(strangeEvent), undefined);
});

/** A copy with a field that no runner writes in each of its parts. */
function withMore(value: object): object {
  const parts = Object.entries(value).map(([key, part]) => [key, isMap(part) ? withMore(part) : part]);
  return { ...Object.fromEntries(parts), more: 'forged' };
}

/** Every copy of it in which one part, at any depth, is another. */
function* bend(value: object, strange: readonly unknown[]): Generator<object> {
  for (const [key, part] of Object.entries(value)) {
    for (const other of strange) yield { ...value, [key]: other };
    if (isMap(part)) for (const inner of bend(part, strange)) yield { ...value, [key]: inner };
  }
}

function typesOf(value: unknown): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).map(([key, part]) => [key, typesOf(part)])
    : typeof value;
}

function isMap(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
