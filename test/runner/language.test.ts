/** A function that changes the language itself costs the functions of other owners, which share its runner, nothing. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type SweepReport, sweep } from '#dist/index.js';
import { LockPatience } from '#dist/lock/patience.js';
import { replay } from '#dist/log/replay.js';
import { claim } from '#dist/runner/claim.js';
import { StateDirectory } from '#dist/state/state-directory.js';
import { encode } from '#dist/value/codec.js';
import { read } from '../helpers/calls.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';
import { freshPlace } from '../helpers/worker.ts';

/** What a function may do. Each name is a field that records may do without, or something that the runner itself calls. */
const CHANGES: Readonly<Record<string, string>> = {
  'gives every object a cwd': 'Object.prototype.cwd = "/x"',
  'gives every object an env': 'Object.prototype.env = { PATH: "/x" }',
  'gives every object a hidden error': 'Object.defineProperty(Object.prototype, "error", { value: 1 })',
  'takes a method of every object': 'delete Object.prototype.toLocaleString',
  'breaks the methods of arrays': 'Array.prototype.map = () => { throw null; }',
  'breaks the methods of the process': 'process.umask = () => { throw new Error("no mask"); }',
  'puts another class in the place of promises': 'globalThis.Promise = class {}',
  'finds everything in sets': 'Set.prototype.has = () => true',
  'finds nothing in arrays': 'Array.prototype[Symbol.iterator] = function* () {}',
  'calls nothing any more': 'Reflect.apply = () => {}',
  'hides a method of bytes': 'Uint8Array.prototype.subarray = () => 0',
  'breaks the clock of the process': 'process.hrtime = () => [0, 0]',
  'deletes the process': 'delete globalThis.process',
};

const callOf = (id: number, what: string, ledger: string) => {
  const module = `data:text/javascript,${encodeURIComponent(`
    import { appendFileSync } from 'node:fs';
    export function change(ledger) { appendFileSync(ledger, 'change\\n'); ${what}; }`)}`;
  return deferOf(id, [ledger], {
    name: 'change',
    function: encode({ kind: 'module', module, export: 'change' }),
  });
};

const noteOf = (id: number, ledger: string, text: string) =>
  deferOf(id, [ledger, `${text}\n`], {
    name: text,
    delivery: 'at-most-once',
    function: encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' }),
  });

/** One owner's functions, the first of which changes the language; then those of two other owners. */
async function sweepChanged(t: TestContext, what: string): Promise<{ report: SweepReport; ran: string[] }> {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  put(Buffer.concat(framesOf(headerOf(), callOf(1, what, ledger), noteOf(2, ledger, 'own'))), 'func1');
  put(Buffer.concat(framesOf(headerOf(), noteOf(1, ledger, 'second'))), 'func2');
  put(Buffer.concat(framesOf(headerOf(), noteOf(1, ledger, 'third'))), 'func3');
  const report = await sweep(base, { logger: null });
  return { report, ran: read(ledger) };
}

for (const [what, change] of Object.entries(CHANGES)) {
  test(`a function that ${what} costs no other one its run`, async t => {
    const { report, ran } = await sweepChanged(t, change);
    assert.deepEqual(ran, ['change', 'own', 'second', 'third'], JSON.stringify(report));
    const others = report.files.flatMap(file => file.functions).filter(({ name }) => name !== 'change');
    assert.deepEqual(
      others.map(({ name, outcome }) => `${name} ${outcome}`),
      ['own ok', 'second ok', 'third ok'],
    );
    // Its own attempt may have failed: then it is tried again later.
    assert.equal(report.ok + report.pending, 4);
  });
}

test('what a program gives every object is no field of a record', t => {
  const { base } = stateBase(t);
  const bytes = Buffer.concat(framesOf(headerOf(), noteOf(1, join(base, 'ledger'), 'text')));
  const everyObject = Object.prototype as { cwd?: unknown };
  t.after(() => {
    delete everyObject.cwd;
  });
  everyObject.cwd = '/x';
  const contents = replay(bytes);
  delete everyObject.cwd;
  assert.deepEqual([contents.damagedBytes, contents.pending().length], [0, 1]);
});

test('a file that was damaged since its sweeper looked is left to the next look', async t => {
  const { base, put } = stateBase(t);
  const bytes = Buffer.concat(framesOf(headerOf(), noteOf(1, join(base, 'ledger'), 'text')));
  bytes[bytes.length - 1]! ^= 1;
  put(bytes, 'func1');
  const directory = new StateDirectory(base);
  assert.equal(await claim(directory, 'func1', 'flock', new LockPatience(0)), undefined);
  const report = await sweep(base, { logger: null });
  assert.ok(report.files[0]?.deadLetter);
});

test('an intact file counts as damaged in no process that has given every object a setter', async t => {
  const { base, ledger } = freshPlace(t);
  const text = `import { appendFileSync } from 'node:fs';
    import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
    const job = await new DeferredFunctionManager(${JSON.stringify(base)}, { logger: null }).open();
    job.defer(appendFileSync, ${JSON.stringify(ledger)}, 'kept\\n');
    Object.defineProperty(Object.prototype, 'id', { set() { throw new Error('no'); }, configurable: true });
    const [own] = (await job.close()).files;
    console.log(own.error.code);`;
  const { stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', text], {
    encoding: 'utf8',
  });
  assert.equal(stdout, 'DEFERRED_UNSUPPORTED\n', stderr);
  assert.equal((await sweep(base, { logger: null })).ok, 1);
  assert.deepEqual(read(ledger), ['kept']);
});
