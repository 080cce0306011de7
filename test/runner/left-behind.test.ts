/** What functions leave behind in the runner they share. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { sweep } from '#dist/index.js';
import type { DeferRecord, HeaderRecord } from '#dist/log/records.js';
import { placeOf } from '#dist/state/place.js';
import { encode } from '#dist/value/codec.js';
import { type Call, read } from '../helpers/calls.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { sample } from '../helpers/size.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';
import { freshPlace, leaveOrphan, startWorker } from '../helpers/worker.ts';

/** `leaver` settles and leaves something that fails while `waiter`, another owner's, waits for just that. */
const functions = `
import { appendFileSync } from 'node:fs';
const note = (ledger, text) => appendFileSync(ledger, text.trim() + ' ' + process.pid + '\\n');
let begin, tell;
const waiting = new Promise(resolve => { begin = resolve; });
const told = new Promise(resolve => { tell = resolve; });
export function rejects(ledger, text) {
  note(ledger, text);
  void waiting.then(() => { setImmediate(tell); throw new Error('late rejection'); });
}
export function throws(ledger, text) {
  note(ledger, text);
  void waiting.then(() => setImmediate(() => { setImmediate(tell); throw new Error('late error'); }));
}
export async function waiter(ledger, text) {
  begin();
  await told;
  note(ledger, text);
}
export async function thrower() {
  setImmediate(() => { throw new Error('of its own'); });
  await new Promise(() => setInterval(() => {}, 1000));
}
`;

for (const name of ['rejects', 'throws']) {
  test(`a function that is done and ${name} afterwards costs another owner's nothing`, async t => {
    const { base, ledger, root } = freshPlace(t);
    const path = join(root, 'functions.mjs');
    writeFileSync(path, functions);
    const call = (of: string): Call => ({
      do: 'module',
      module: pathToFileURL(path).href,
      export: of,
      text: of,
    });
    const options = { delivery: 'at-most-once', timeoutMs: 10_000 } as const;
    // Both live until both are there: a worker that opens a job sweeps orphans.
    const workers = [];
    for (const one of [call(name), call('waiter')])
      workers.push(await startWorker(t, { base, ledger, calls: [one], options }));
    for (const { child } of workers) await child.kill();
    const report = await sweep(base, { logger: null });
    assert.deepEqual([report.ok, report.failed], [2, 0]);
    // In one process, or nothing is shown.
    const [[first, pid], [second, other]] = read(ledger).map(line => line.split(' ')) as [string[], string[]];
    assert.deepEqual([first, second], [name, 'waiter']);
    assert.equal(pid, other);
  });
}

test('an error that nobody catches while its function runs costs it an attempt', async t => {
  const { base, ledger, root } = freshPlace(t);
  const path = join(root, 'functions.mjs');
  writeFileSync(path, functions);
  const module = pathToFileURL(path).href;
  await leaveOrphan(t, {
    base,
    ledger,
    calls: [
      { do: 'module', module, export: 'thrower', text: '' },
      { do: 'append', text: 'next' },
    ],
  });
  const report = await sweep(base, { logger: null });
  assert.deepEqual(
    report.files[0]?.functions.map(({ outcome }) => outcome),
    ['crashed', 'ok'],
  );
  assert.deepEqual(read(ledger), ['next']);
});

const sloppy = `data:text/javascript,${encodeURIComponent(`
  import { appendFileSync, promises, rm, writeFileSync } from 'node:fs';
  import { spawn } from 'node:child_process';
  const options = { recursive: true, force: true };
  export const byCallback = name => { rm(name, options, () => {}); };
  export const byPromise = name => { void promises.rm(name, options); };
  export const byTimer = name => { setTimeout(() => rm(name, options, () => {}), 200); };
  export const byChild = name => { spawn('true').on('exit', () => rm(name, options, () => {})); };
  export const writes = name => { setTimeout(() => writeFileSync(name, process.env.DEFERRED_TEST + '\\n'), 200); };
  export const removesItsDirectory = path => promises.rm(path, options);
  export const keepsOpen = () => { setInterval(() => {}, 1000); };
  export const stops = () => { setImmediate(() => process.kill(process.pid, 'SIGSTOP')); };
  export const changesUser = () => { process.setuid(65534); };
  export const waits = () => new Promise(resolve => setTimeout(resolve, 300));
  export const note = (ledger, text) => { appendFileSync(ledger, text + ' ' + process.getuid() + '\\n'); };
`)}`;

const call = (name: string, ...args: unknown[]): DeferRecord =>
  deferOf(1, args, { name, function: encode({ kind: 'module', module: sloppy, export: name }) });

/** A directory in which there is a directory of many files. */
function work(base: string, name: string): Partial<HeaderRecord> {
  const path = join(base, name);
  mkdirSync(join(path, 'data'), { recursive: true });
  for (let i = 0; i < 50; i++) writeFileSync(join(path, 'data', `${i}`), '');
  return { cwd: placeOf(path) };
}

for (const how of sample(['byCallback', 'byPromise', 'byTimer', 'byChild'], 2))
  test(`what a function left behind is done in its own directory, though another's comes next: ${how}`, async t => {
    const { base, put } = stateBase(t);
    put(Buffer.concat(framesOf(headerOf(work(base, 'one')), call(how, 'data'))), 'func1');
    put(Buffer.concat(framesOf(headerOf(work(base, 'two')), call('waits'))), 'func2');
    const report = await sweep(base, { logger: null });
    assert.deepEqual([report.ok, report.failed, report.pending], [2, 0, 0], JSON.stringify(report));
    assert.deepEqual(
      ['one', 'two'].map(name => existsSync(join(base, name, 'data'))),
      [false, true],
    );
  });

test("what a function left behind is done with its own umask and environment, though another's come next", async t => {
  const { base, put } = stateBase(t);
  const paths = ['one', 'two'].map(name => join(base, name));
  const mine = { ...call('writes', paths[0]), env: { DEFERRED_TEST: 'mine' } };
  put(Buffer.concat(framesOf(headerOf({ umask: 0o077 }), mine)), 'func1');
  put(Buffer.concat(framesOf(headerOf(), call('waits'))), 'func2');
  put(
    Buffer.concat(framesOf(headerOf(), { ...call('writes', paths[1]), env: { DEFERRED_TEST: 'other' } })),
    'func3',
  );
  const report = await sweep(base, { logger: null });
  assert.equal(report.ok, 3, JSON.stringify(report));
  assert.deepEqual(
    paths.map(path => [read(path)[0], statSync(path).mode & 0o777]),
    [
      ['mine', 0o600],
      ['other', 0o644],
    ],
  );
});

test('what the last function left behind has the grace to end', async t => {
  const { base, put } = stateBase(t);
  put(Buffer.concat(framesOf(headerOf(work(base, 'one')), call('byTimer', 'data'))));
  assert.equal((await sweep(base, { logger: null })).ok, 1);
  assert.equal(existsSync(join(base, 'one', 'data')), false);
});

test('what is left behind and never ends costs the grace, and keeps no other function from its directory', async t => {
  const { base, put } = stateBase(t);
  put(Buffer.concat(framesOf(headerOf(work(base, 'one')), call('keepsOpen'))), 'func1');
  put(Buffer.concat(framesOf(headerOf(work(base, 'two')), call('byPromise', 'data'))), 'func2');
  const report = await sweep(base, { logger: null, killGraceMs: 200 });
  assert.deepEqual([report.ok, report.pending], [2, 0], JSON.stringify(report));
  assert.equal(existsSync(join(base, 'two', 'data')), false);
});

test('a function that stops its process after its end costs its sweep the deadline', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  put(Buffer.concat(framesOf(headerOf(), call('stops'))), 'func1');
  put(Buffer.concat(framesOf(headerOf(), call('note', ledger, 'next'))), 'func2');
  const startMs = performance.now();
  const report = await sweep(base, { logger: null, deadlineMs: 1500, killGraceMs: 100 });
  // Beyond the watchdog's, the next limit would be that of the function.
  assert.ok(performance.now() - startMs < 30_000);
  assert.deepEqual([report.ok, report.pending, report.isComplete], [1, 1, false], JSON.stringify(report));
  assert.equal((await sweep(base, { logger: null })).ok, 1);
});

test('a function that gives up its rights gives up those of no other', { skip: notForOthers }, async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  put(
    Buffer.concat(framesOf(headerOf(), call('changesUser'), { ...call('note', ledger, 'next'), id: 2 })),
    'func1',
  );
  put(Buffer.concat(framesOf(headerOf(), call('note', ledger, 'other'))), 'func2');
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.failed, report.pending], [3, 0, 0], JSON.stringify(report));
  assert.deepEqual(read(ledger), ['next 0', 'other 0']);
});

test('a function that removes its directory leaves the next one where every relative name fails', async t => {
  const { base, put } = stateBase(t);
  const header = headerOf(work(base, 'one'));
  const removes = call('removesItsDirectory', header.cwd?.path);
  put(Buffer.concat(framesOf(header, removes, { ...call('writes', '../stray'), id: 2 })));
  const [, ran] = (await sweep(base, { logger: null })).files[0]!.functions;
  assert.deepEqual(ran?.notes, ['directory-gone']);
  assert.equal(existsSync(join(base, 'stray')), false);
});

test('descriptors that a function leaves open cost functions of other owners nothing', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const module = `data:text/javascript,${encodeURIComponent(`
    import { appendFileSync, openSync } from 'node:fs';
    export function leak() {
      for (let left = 200; left > 0; left--) openSync('/');
    }
    export function count(ledger) {
      appendFileSync(ledger, (openSync('/') < 100 ? 'room' : 'short') + '\\n');
    }`)}`;
  const call = (what: string, ...args: string[]) =>
    deferOf(1, args, { name: what, function: encode({ kind: 'module', module, export: what }) });
  put(Buffer.concat(framesOf(headerOf(), call('leak'))), 'func1');
  put(Buffer.concat(framesOf(headerOf(), call('count', ledger))), 'func2');
  put(Buffer.concat(framesOf(headerOf(), call('count', ledger))), 'func3');
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.failed], [3, 0]);
  assert.deepEqual(read(ledger), ['room', 'room']);
});

test('memory that a function keeps costs functions of other owners nothing', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const module = `data:text/javascript,${encodeURIComponent(`
    import { appendFileSync } from 'node:fs';
    globalThis.kept = [];
    // More than half of the heap, which two of them would overfill.
    export function fill(ledger, text) {
      for (let i = 0; i < 170; i++) globalThis.kept.push(new Array(2 ** 17).fill(i + 0.5));
      appendFileSync(ledger, text + '\\n');
    }`)}`;
  const fill = encode({ kind: 'module', module, export: 'fill' });
  for (const text of ['first', 'second', 'third'])
    put(
      Buffer.concat(
        framesOf(
          headerOf({ execArgv: ['--max-old-space-size=256'] }),
          deferOf(1, [ledger, text], { function: fill, delivery: 'at-most-once' }),
        ),
      ),
      `func-${text}`,
    );
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.failed], [3, 0], JSON.stringify(report.files));
  assert.deepEqual(read(ledger), ['first', 'second', 'third']);
});
