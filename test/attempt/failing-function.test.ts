/** Functions that fail, exit, crash or hang, run as orphans: what becomes of them and of the functions behind them. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { DeferredFunctionManager, type FunctionOutcome, sweep } from '#dist/index.js';
import { type Call, read, register } from '../helpers/calls.ts';
import { sample } from '../helpers/size.ts';
import { cli, freshPlace, leaveOrphan } from '../helpers/worker.ts';

const quick = { timeoutMs: 400, killGraceMs: 100 };

type Poison = [title: string, call: Call, outcome: FunctionOutcome, message: RegExp];

const worst: Poison[] = [
  ['dies over a line to its sweeper', { do: 'die-speaking', text: 'poison' }, 'crashed', /killed by SIGKILL/],
  ['hangs in a busy loop', { do: 'hang-busy', text: 'poison' }, 'timed-out', /400 ms/],
];

const poisons: Poison[] = [
  ['throws', { do: 'throw', text: 'poison', message: 'daemon away' }, 'failed', /daemon away/],
  ['calls process.exit(0)', { do: 'exit', text: 'poison', code: 0 }, 'crashed', /exited with code 0/],
  ['calls process.exit(3)', { do: 'exit', text: 'poison', code: 3 }, 'crashed', /exited with code 3/],
  ['segfaults', { do: 'signal', text: 'poison', signal: 'SIGSEGV' }, 'crashed', /killed by SIGSEGV/],
  ['is killed', { do: 'signal', text: 'poison', signal: 'SIGKILL' }, 'crashed', /killed by SIGKILL/],
  ['returns a promise that never settles', { do: 'hang-idle', text: 'poison' }, 'timed-out', /400 ms/],
];

for (const [title, call, outcome, message] of [...worst, ...sample(poisons, 1)]) {
  test(`an orphan's function that ${title} costs nobody else: those before and behind it run once, it stays registered`, async t => {
    const { base, ledger } = freshPlace(t);
    const calls: Call[] = [{ do: 'append', text: 'before' }, call, { do: 'append', text: 'behind' }];
    await leaveOrphan(t, { base, ledger, calls });
    const report = await sweep(base, { logger: null, ...quick });
    assert.deepEqual(read(ledger), ['before', 'poison', 'behind']);
    const [file] = report.files;
    assert.deepEqual(new Set(file?.functions.map(ran => ran.outcome)), new Set(['ok', outcome]));
    const poisoned = file?.functions.find(ran => ran.id === 2);
    assert.equal(poisoned?.outcome, outcome);
    assert.match(poisoned?.error?.message ?? '', message);
    assert.deepEqual([report.ok, report.failed, report.pending, file?.isRetired], [2, 1, 1, false]);
  });
}

for (const [title, call, outcome, message] of [...sample(worst, 1), ...sample(poisons, 1)]) {
  test(`a function that ${title} in every attempt is tried as often as it may be, then lies in dead/ with its error`, async t => {
    const { base, ledger, directory } = freshPlace(t);
    const calls: Call[] = [call, { do: 'append', text: 'behind' }];
    const path = await leaveOrphan(t, { base, ledger, calls, options: { maxAttempts: 2 } });
    const report = await DeferredFunctionManager.cleanupWorker(base, { logger: null, ...quick });
    assert.deepEqual(read(ledger), ['poison', 'behind', 'poison']);
    const poisoned = report.files[0]?.functions.find(ran => ran.id === 1);
    assert.equal(poisoned?.outcome, outcome);
    assert.equal(poisoned?.attempt, 2);
    assert.match(poisoned?.error?.message ?? '', message);
    const letter = poisoned?.deadLetter ?? '';
    assert.ok(letter.startsWith(join(directory, 'dead')), letter);
    assert.equal(existsSync(letter), true);
    assert.equal(existsSync(path), false);
    assert.equal((await sweep(base)).files.length, 0);
    assert.equal(read(ledger).length, 3);
  });
}

test('attempts are counted over all processes: three sweeps, three attempts by default, then a dead letter', async t => {
  const { base, ledger, directory } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'throw', text: 'tried', message: 'no' }] });
  for (const attempt of [1, 2, 3]) {
    const { status, stdout } = await cli('--json', base);
    assert.equal(status, 1);
    assert.equal(JSON.parse(stdout).files[0].functions[0].attempt, attempt);
  }
  assert.equal((await cli(base)).status, 0);
  assert.equal(read(ledger).length, 3);
  assert.equal(readdirSync(join(directory, 'dead')).length, 1);
});

test('a function whose module is missing is not lost: it runs when the module is back', async t => {
  const { base, ledger, root } = freshPlace(t);
  const path = join(root, 'cleanup.mjs');
  const away = join(root, 'away.mjs');
  const source =
    "import fs from 'node:fs';\nexport function clean(ledger, text) { fs.appendFileSync(ledger, text); }\n";
  writeFileSync(path, source);
  const call: Call = { do: 'module', module: pathToFileURL(path).href, export: 'clean', text: 'ran' };
  await leaveOrphan(t, { base, ledger, calls: [call] });
  renameSync(path, away);
  const missing = await sweep(base, { logger: null });
  assert.deepEqual([missing.ok, missing.failed, missing.pending], [0, 1, 1]);
  assert.equal(missing.files[0]?.functions[0]?.error?.code, 'DEFERRED_FUNCTION_MISSING');
  renameSync(away, path);
  assert.equal((await sweep(base)).ok, 1);
  assert.deepEqual(read(ledger), ['ran']);
});

test('an error whose message cannot be read is a failure like any other', async t => {
  const { base, ledger } = freshPlace(t);
  await using manager = new DeferredFunctionManager(base, { logger: null, maxAttempts: 1 });
  const job = await manager.open();
  job.defer(() => {
    throw {
      get message(): string {
        throw new Error('twice');
      },
      toString(): string {
        throw new Error('thrice');
      },
    };
  });
  register(job, { do: 'append', text: 'behind' }, ledger);
  const report = await job.close();
  assert.deepEqual([report.ok, report.failed], [1, 1]);
  assert.deepEqual(read(ledger), ['behind']);
});

test("a failure at the end of a job is in the report, goes to the logger, and the next sweep's attempt is the second", async t => {
  const { base, ledger } = freshPlace(t);
  const warnings: string[] = [];
  const logger = { info() {}, warn: (text: string) => void warnings.push(text) };
  await using manager = new DeferredFunctionManager(base, { logger, maxAttempts: 2, retryDelayMs: 0 });
  const job = await manager.open();
  register(job, { do: 'throw', text: 'tried', message: 'daemon away' }, ledger);
  const report = await job.close();
  assert.match(report.files[0]?.functions[0]?.error?.message ?? '', /daemon away/);
  assert.ok(warnings.some(text => text.includes('daemon away')));
  const { attempt, deadLetter } = (await sweep(base, { logger })).files[0]?.functions[0] ?? {};
  assert.equal(attempt, 2);
  assert.equal(existsSync(deadLetter!), true);
});

test('the command line says what failed, why, and where its dead letter lies, and ends with status 1', async t => {
  const { base, ledger, directory } = freshPlace(t);
  const calls: Call[] = [{ do: 'throw', text: 'tried', message: 'daemon away' }];
  await leaveOrphan(t, { base, ledger, calls, options: { maxAttempts: 1 } });
  const { status, stdout } = await cli(base);
  assert.equal(status, 1);
  assert.match(stdout, /failed/);
  assert.match(stdout, /daemon away/);
  assert.ok(stdout.includes(join(directory, 'dead')));
});
