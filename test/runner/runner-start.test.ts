/** Runners that never come to their first function, because what their owner was started with hangs. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { sweep } from '#dist/index.js';
import { CONTROL_FD, MAIN } from '#dist/runner/protocol.js';
import { placeOf } from '#dist/state/place.js';
import { encode } from '#dist/value/codec.js';
import { read } from '../helpers/calls.ts';
import { endGroup, startChild } from '../helpers/child.ts';
import { commandLinePath } from '../helpers/command-line.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';
import { packageCopy } from '../helpers/package-copy.ts';
import { deferOf, framesOf, headerOf, stateBase } from '../helpers/state-bytes.ts';
import { freshPlace, leaveOrphan, type Place } from '../helpers/worker.ts';

/** What must never end would: a failure then, not a hang. */
const bounded = { timeout: 120_000 };
const calls = [{ do: 'append', text: 'ran' }] as const;
/** So short a limit for functions leaves the start the least it ever has: 10 s. */
const options = { timeoutMs: 1, killGraceMs: 100 };

/** A place whose hooks' processes are ended before it is removed: should the test fail, nobody else would. */
function placeOfHooks(t: TestContext): Place {
  let pids = '';
  t.after(() => {
    for (const pid of read(pids)) endGroup(Number(pid));
  });
  const place = freshPlace(t);
  pids = pidsIn(place);
  return place;
}

function pidsIn({ root }: Place): string {
  return join(root, 'pids');
}

/** Code that runs in a runner, and only there: what the owner itself loads does no harm. */
function inRunner(place: Place, code: string): string {
  return `if (process.argv[1]?.endsWith('runner/main.js')) {
    const { appendFileSync, openSync, readFileSync } = process.getBuiltinModule('node:fs');
    appendFileSync(${JSON.stringify(pidsIn(place))}, process.pid + '\\n');
    ${code}
  }`;
}

test(
  'a loader of the owner that hangs costs its sweep a time limit, and keeps no function from running',
  bounded,
  async t => {
    const place = placeOfHooks(t);
    const { base, ledger, root } = place;
    const hook = join(root, 'hook.mjs');
    writeFileSync(hook, inRunner(place, 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);'));
    await leaveOrphan(t, { base, ledger, calls }, { execArgv: ['--import', hook] });

    const cut = await sweep(base, { logger: null, deadlineMs: 1000, killGraceMs: 100 });
    assert.deepEqual([cut.isComplete, cut.ok, cut.failed, cut.pending], [false, 0, 0, 1]);

    const whole = await sweep(base, { logger: null, ...options, timeoutMs: 5000 });
    assert.deepEqual([whole.isComplete, whole.ok, whole.failed, whole.pending], [true, 1, 0, 0]);
    assert.deepEqual(read(ledger), ['ran']);
  },
);

for (const [option, suffix] of [
  ['--import', 'mjs'],
  ['--require', 'cjs'],
] as const) {
  test(
    `a loader given by ${option} that hangs in the runner of a killed sweeper ends at its time limit, and had no lock`,
    bounded,
    async t => {
      const place = placeOfHooks(t);
      const { base, ledger, root } = place;
      const [fifo, alive, hook] = [makeGate(root), join(root, 'alive'), join(root, `hook.${suffix}`)];
      assert.equal(spawnSync('mkfifo', [alive]).status, 0);
      const waits = `openSync(${JSON.stringify(alive)}, 'w'); readFileSync(${JSON.stringify(fifo)});`;
      writeFileSync(hook, inRunner(place, waits));
      await leaveOrphan(t, { base, ledger, calls }, { execArgv: [option, hook] });
      const gone = readFile(alive);
      const sweeper = startChild(t, 'job-sweeper', {
        args: [JSON.stringify({ verb: 'sweep', base, options })],
      });
      const letThrough = await arrivalAt(fifo);
      await sweeper.kill();
      await gone;
      await letThrough();

      writeFileSync(hook, '');
      const report = await sweep(base, { logger: null });
      assert.deepEqual([report.ok, report.failed, report.pending], [1, 0, 0]);
      assert.deepEqual(read(ledger), ['ran']);
    },
  );
}

test('a runner that is missing, as while the package is replaced, costs no function an attempt', async t => {
  const copy = packageCopy(t);
  const { DeferredFunctionManager } = (await import(copy)) as typeof import('#dist/index.js');
  const [main, away] = ['dist/runner/main.js', 'away.js'].map(name => new URL(`../${name}`, copy));
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const append = encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' });
  const functions = [deferOf(1, [ledger, 'a\n'], { function: append, maxAttempts: 1 })];
  put(Buffer.concat(framesOf(headerOf(), ...functions)));
  renameSync(main!, away!);
  const { failed, pending, files } = await DeferredFunctionManager.cleanupWorker(base, { logger: null });
  assert.deepEqual([failed, pending, files[0]?.error?.code], [0, 1, 'DEFERRED_CRASHED']);
  renameSync(away!, main!);
  const { ok } = await DeferredFunctionManager.cleanupWorker(base, { logger: null });
  assert.deepEqual([ok, read(ledger)], [1, ['a']]);
});

test('what a runner loads first is not seen by the functions it runs', async t => {
  const { base, ledger } = freshPlace(t);
  const module = `data:text/javascript,${encodeURIComponent(
    `import { appendFileSync } from 'node:fs';
     export const tell = ledger => appendFileSync(ledger, JSON.stringify([process.argv.length, process.execArgv]) + '\\n');`,
  )}`;
  await leaveOrphan(
    t,
    { base, ledger, calls: [{ do: 'module', module, export: 'tell', text: '' }] },
    { execArgv: ['--no-warnings'] },
  );
  assert.equal((await sweep(base, { logger: null })).ok, 1);
  assert.deepEqual(read(ledger), ['[2,["--no-warnings"]]']);
});

test('a header that no process can be started with keeps no other file from running', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  put(Buffer.concat(framesOf(headerOf({ execArgv: ['--\0'] }), deferOf(1, []))), 'func1');
  const record = deferOf(1, [ledger, 'ran\n'], {
    function: encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' }),
  });
  put(Buffer.concat(framesOf(headerOf({ cwd: { path: '/\0', inode: '1:2', uid: 0 } }), record)), 'func2');
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.failed, report.pending], [1, 0, 1]);
  assert.equal(report.files.find(file => file.pending === 1)?.error?.code, 'DEFERRED_CRASHED');
  assert.deepEqual(read(ledger), ['ran']);
});

test('files whose functions end their runner, one after the other, keep no file behind them from running', async t => {
  const { base, put } = stateBase(t);
  const ledger = join(base, 'ledger');
  const exit = encode({ kind: 'module', module: 'node:process', export: 'exit' });
  const append = encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' });
  for (let file = 1; file <= 8; file++)
    put(Buffer.concat(framesOf(headerOf(), deferOf(1, [1], { function: exit }))), `func${file}`);
  put(Buffer.concat(framesOf(headerOf(), deferOf(1, [ledger, 'ran\n'], { function: append }))), 'func9');
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.ok, report.failed], [1, 8]);
  assert.deepEqual(read(ledger), ['ran']);
});

test("the owner's working directory need not be one that may be entered", {
  skip:
    process.geteuid?.() === 0
      ? false
      : 'NOT TESTED: takes root, to become a user whom another one can lock out',
}, t => {
  const { base, put } = stateBase(t);
  const locked = join(base, 'locked');
  mkdirSync(locked, { mode: 0o700 });
  const ledger = join(base, 'ledger');
  const record = deferOf(1, [ledger, 'ran\n'], {
    function: encode({ kind: 'module', module: 'node:fs', export: 'appendFileSync' }),
  });
  const paths = [
    base,
    join(base, 'deferred'),
    put(Buffer.concat(framesOf(headerOf({ cwd: placeOf(locked) }), record))),
  ];
  for (const path of paths) chownSync(path, 65_534, 65_534);
  const { error, stderr } = spawnSync(process.execPath, [commandLinePath, base], {
    uid: 65_534,
    gid: 65_534,
    cwd: '/',
    encoding: 'utf8',
  });
  if (error || stderr.includes('MODULE_NOT_FOUND') || stderr.includes('EACCES: permission denied, open')) {
    t.skip('NOT TESTED: this checkout, or this Node, is not for others to read');
    return;
  }
  assert.deepEqual(read(ledger), ['ran']);
});

test('a runner whose sweeper died before it asked for anything ends', bounded, async () => {
  const pipes = ['pipe', 'pipe'] as const;
  const runner = spawn(process.execPath, [MAIN], { stdio: ['ignore', 'inherit', 'inherit', ...pipes] });
  (runner.stdio[CONTROL_FD] as Writable).end('{"files":');
  assert.deepEqual(await once(runner, 'exit'), [0, null]);
});
