/** What a sweep prints, where its metrics go, and its exit status. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { closeSync, lstatSync, openSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SweepReport } from 'deferred-sweep';
import { baseOfKilledWorker, commandLinePath, runCommandLine } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { freshPlace, leaveStranded } from '../helpers/worker.ts';

const touch = `job.defer(promises.writeFile, base + '/proof', '');`;
const failing = `job.defer(function refuse() { throw new Error('no, never'); });`;

test('what a function prints never gets onto standard output', t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(function chatter() { console.log('printed'); process.stdout.write('written'); });
     job.defer(DeferredFunction.command('echo', ['echoed']));`,
  );
  const { status, stdout, stderr } = runCommandLine(['--json', base]);
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as SweepReport).ok, 2);
  // A command prints to the other pipe of the runner: which of them is read first, nobody says.
  assert.match(stderr, /^chatter \| printed\nchatter \| written\n/m);
  assert.match(stderr, /^echo echoed \| echoed$/m);
});

test('what a function was run without is beside its outcome', async t => {
  const place = freshPlace(t);
  await leaveStranded(t, place, [{ do: 'append', text: 'ran' }]);
  assert.match(
    runCommandLine([place.base]).stdout,
    /: ok \(attempt 1, \d+ ms, without-loaders, directory-gone\)$/m,
  );
});

test('--json prints one report in one line, in the documented shape', t => {
  const base = baseOfKilledWorker(t, touch + failing, `{ label: 'a job' }`);
  const { stdout, stderr } = runCommandLine(['--json', base]);
  assert.equal(stderr, '');
  assert.match(stdout, /^[^\n]+\n$/);
  const report = JSON.parse(stdout) as SweepReport;
  assert.deepEqual(Object.keys(report).sort(), [
    'directory',
    'failed',
    'files',
    'held',
    'isComplete',
    'live',
    'ms',
    'ok',
    'pending',
    'sweeping',
  ]);
  assert.equal(report.directory, join(base, 'deferred'));
  const [file] = report.files;
  assert.equal(file?.outcome, 'ran');
  assert.equal(file?.label, 'a job');
  assert.equal(typeof file?.owner?.pid, 'number');
  assert.deepEqual(
    file?.functions.map(({ id, name, outcome, attempt, error }) => [
      id,
      name,
      outcome,
      attempt,
      error?.message,
    ]),
    [
      [1, 'writeFile', 'ok', 1, undefined],
      [2, 'refuse', 'failed', 1, 'no, never'],
    ],
  );
});

test('--exit-zero keeps a failing cleanup from failing its hook, and wrong usage still does', t => {
  const base = baseOfKilledWorker(t, failing);
  assert.equal(runCommandLine(['--exit-zero', base]).status, 0);
  assert.equal(runCommandLine(['--exit-zero', '--nonsense', base]).status, 2);
});

test('--quiet prints nothing when nothing went wrong, and the report when something did', t => {
  const good = baseOfKilledWorker(t, touch);
  const bad = baseOfKilledWorker(t, failing);
  const { stdout, stderr, status } = runCommandLine(['--quiet', good]);
  assert.deepEqual([stdout, stderr, status], ['', '', 0]);
  assert.match(runCommandLine(['--quiet', bad]).stdout, /refuse: failed/);
  const missing = runCommandLine(['--quiet', join(good, 'missing')]);
  assert.deepEqual([missing.stdout, missing.stderr, missing.status], ['', '', 0]);
});

test('metrics that cannot be written are told of once, with the file that was named', t => {
  const file = join(freshDirectory(t), 'none', 'metrics');
  const { status, stderr } = runCommandLine(['--metrics-file', file, freshDirectory(t)]);
  assert.equal(status, 1);
  assert.equal(
    stderr,
    `deferred-sweep: cannot write the metrics to ${file}: no such file or directory (ENOENT)\n`,
  );
});

test('what is no regular file is not replaced by metrics, and no sweep waits for its reader', t => {
  const directory = freshDirectory(t);
  const fifo = join(directory, 'fifo');
  const link = join(directory, 'link');
  spawnSync('mkfifo', [fifo]);
  symlinkSync('/dev/null', link);
  for (const file of [fifo, link, directory]) {
    const { status, stderr } = runCommandLine(['--metrics-file', file, freshDirectory(t)]);
    assert.equal(status, 1);
    assert.equal(stderr, `deferred-sweep: cannot write the metrics to ${file}: it is not a regular file\n`);
  }
  assert.ok(lstatSync(fifo).isFIFO() && lstatSync(link).isSymbolicLink());
  assert.deepEqual(readdirSync(directory).sort(), ['fifo', 'link']);
});

test('--exit-zero holds where standard output is full', t => {
  const args = ['sweep', '--exit-zero', '--json', freshDirectory(t)];
  const stdout = openSync('/dev/full', 'w');
  const { status, stderr } = spawnSync(process.execPath, [commandLinePath, ...args], {
    stdio: ['ignore', stdout, 'pipe'],
    encoding: 'utf8',
  });
  closeSync(stdout);
  assert.match(stderr, /cannot write to standard output/);
  assert.equal(status, 0);
});

test('--metrics-file is written in one step, and keeps the time of the last success', t => {
  const base = baseOfKilledWorker(t, failing);
  const directory = freshDirectory(t);
  const file = join(directory, 'sweep.prom');
  const last = (): number =>
    Number(/^deferred_sweep_last_success_timestamp_seconds (\d+)$/m.exec(readFileSync(file, 'utf8'))?.[1]);
  runCommandLine(['--metrics-file', file, freshDirectory(t)]);
  const succeeded = last();
  assert.ok(succeeded > 0);
  assert.equal(runCommandLine(['cleanup', '--metrics-file', file, base]).status, 1);
  const text = readFileSync(file, 'utf8');
  assert.match(text, /^deferred_sweep_functions\{directory=".*",outcome="failed"\} 1$/m);
  assert.match(text, /^deferred_sweep_dead_letters\{directory=".*"\} 1$/m);
  assert.match(text, /^deferred_sweep_exit_status 1$/m);
  assert.equal(last(), succeeded);
  assert.deepEqual(readdirSync(directory), ['sweep.prom']);
});
