import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SweepReport } from 'deferred-sweep';
import { baseOfKilledWorker, plainEnvironment, runCommandLine } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const touch = `job.defer(promises.writeFile, base + '/proof', '');`;
const failing = `job.defer(function refuse() { throw new Error('no, never'); });`;

function stateFiles(base: string): string[] {
  return readdirSync(join(base, 'deferred')).filter(name => name.startsWith('func'));
}

test('a missing directory is nothing to do, and nothing is created', t => {
  const base = join(freshDirectory(t), 'missing');
  for (const verb of ['sweep', 'cleanup']) {
    const { status, stdout, stderr } = runCommandLine([verb, base]);
    assert.equal(status, 0);
    assert.equal(stdout, `${base}/deferred: 0 done, 0 failed, 0 left for later, 0 live owners\n`);
    assert.equal(stderr, '');
    assert.ok(!existsSync(base));
  }
});

test('an orphan is run and its file removed', t => {
  const base = baseOfKilledWorker(t, touch);
  const { status, stdout, stderr } = runCommandLine([base]);
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /func\w+ of pid \d+ on .*: ran\n {2}writeFile: ok \(attempt 1, \d+ ms\)\n.*: 1 done, 0 failed/,
  );
  assert.equal(stderr, '');
  assert.ok(existsSync(join(base, 'proof')));
  assert.deepEqual(stateFiles(base), []);
});

test('what a function prints never gets onto standard output', t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(function chatter() { console.log('printed'); process.stdout.write('written'); });
     job.defer(DeferredFunction.command('echo', ['echoed']));`,
  );
  const { status, stdout, stderr } = runCommandLine(['--json', base]);
  assert.equal(status, 0, stderr);
  assert.equal((JSON.parse(stdout) as SweepReport).ok, 2);
  assert.match(stderr, /printed\nwritten/);
  assert.match(stderr, /echoed/);
});

test('a function that fails ends with 1, says why, and stays registered', t => {
  const base = baseOfKilledWorker(t, failing + touch);
  const { status, stdout, stderr } = runCommandLine([base]);
  assert.equal(status, 1, stderr);
  assert.match(
    stdout,
    /refuse: failed \(attempt 1, \d+ ms\): no, never; to be tried again\n {2}writeFile: ok/,
  );
  assert.match(stdout, /1 done, 1 failed, 1 left for later, 0 live owners\n$/);
  assert.equal(stateFiles(base).length, 1);
});

test('a function that exits or kills its process costs only itself', t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(function leave() { process.exit(0); });
     job.defer(function crash() { process.kill(process.pid, 'SIGSEGV'); });
     ${touch}`,
  );
  const { status, stdout, stderr } = runCommandLine([base]);
  assert.equal(status, 1, stderr);
  assert.match(stdout, /leave: crashed .*exited with code 0; to be tried again\n/);
  assert.match(stdout, /crash: crashed .*was killed by SIGSEGV; to be tried again\n/);
  assert.ok(existsSync(join(base, 'proof')));
});

test('a damaged file ends with 1, though all that is left of it was run', t => {
  const base = baseOfKilledWorker(
    t,
    `${touch} job.defer(String, 'to be damaged'); job.defer(String, 'last');`,
  );
  const path = join(base, 'deferred', stateFiles(base)[0] ?? '');
  const bytes = readFileSync(path);
  bytes[bytes.indexOf('to be damaged')]! ^= 0xff;
  writeFileSync(path, bytes);
  const { status, stdout, stderr } = runCommandLine(['--json', base]);
  const report = JSON.parse(stdout) as SweepReport;
  assert.deepEqual([status, report.ok, report.failed], [1, 2, 0], stderr);
});

test('--timeout overrides what the owner chose', t => {
  const base = baseOfKilledWorker(
    t,
    'job.defer(function hang() { for (;;); });',
    '{ timeoutMs: 0, maxAttempts: 1 }',
  );
  const { status, stdout } = runCommandLine(['--timeout', '200ms', '--json', base]);
  assert.equal(status, 1);
  const report = JSON.parse(stdout) as SweepReport;
  assert.equal(report.files[0]?.functions[0]?.outcome, 'timed-out');
  assert.ok(existsSync(report.files[0]?.functions[0]?.deadLetter ?? ''));
});

test('cleanup uses up the attempts of what fails, and names the dead letter', t => {
  const base = baseOfKilledWorker(t, failing);
  const { status, stdout, stderr } = runCommandLine(['cleanup', base]);
  assert.equal(status, 1, stderr);
  const [, letter = ''] = /refuse: failed \(attempt 3, .*; dead letter (.*)\n/.exec(stdout) ?? [];
  assert.ok(existsSync(letter), stdout);
  assert.deepEqual(stateFiles(base), []);
  assert.equal(runCommandLine(['cleanup', base]).status, 0, 'nothing is left to do');
  assert.ok(existsSync(letter), 'a dead letter is not removed');
});

test('cleanup removes the directory when it is empty, sweep does not', t => {
  const base = baseOfKilledWorker(t, touch);
  assert.equal(runCommandLine([base]).status, 0);
  assert.ok(existsSync(join(base, 'deferred')));
  assert.equal(runCommandLine(['cleanup', base]).status, 0);
  assert.ok(!existsSync(join(base, 'deferred')));
});

test('an unsafe directory ends with 3 and runs nothing', t => {
  const base = baseOfKilledWorker(t, touch);
  chmodSync(join(base, 'deferred'), 0o777);
  const { status, stdout, stderr } = runCommandLine([base]);
  assert.equal(status, 3);
  assert.equal(stdout, '');
  assert.match(stderr, /^deferred-sweep: cannot sweep .*: others can write to it \(mode 0777\); .*\n$/);
  assert.ok(!existsSync(join(base, 'proof')));
});

test('one bad base of several keeps none of the others from being swept, and decides the status', t => {
  const bad = freshDirectory(t);
  mkdirSync(join(bad, 'deferred'));
  chmodSync(join(bad, 'deferred'), 0o777);
  const failed = baseOfKilledWorker(t, failing);
  const good = baseOfKilledWorker(t, touch);
  const { status, stdout } = runCommandLine(['--json', bad, failed, good]);
  assert.equal(status, 3);
  const lines = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as Record<string, unknown>);
  assert.equal(lines.length, 3);
  assert.equal(lines[1]?.failed, 1);
  assert.equal(lines[0]?.base, bad);
  assert.equal((lines[0]?.error as { code?: string } | undefined)?.code, 'DEFERRED_UNSAFE_DIRECTORY');
  assert.equal(lines[2]?.ok, 1);
  assert.ok(existsSync(join(good, 'proof')));
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

test('with an empty environment and in the root directory it does all it does elsewhere', t => {
  const base = baseOfKilledWorker(
    t,
    `${touch} job.defer(DeferredFunction.command('/bin/sh', ['-c', '> proof2'], { cwd: base }));`,
  );
  const { status, stderr } = runCommandLine([base], { cwd: '/', env: {} });
  assert.equal(status, 0, stderr);
  assert.ok(existsSync(join(base, 'proof')));
  assert.ok(existsSync(join(base, 'proof2')));
});

test('DEFERRED_SWEEP_DIR is the base where none is given, and only there', t => {
  const base = baseOfKilledWorker(t, touch);
  const other = freshDirectory(t);
  const env = { ...plainEnvironment(), DEFERRED_SWEEP_DIR: base };
  assert.equal(runCommandLine([other], { env }).status, 0);
  assert.ok(!existsSync(join(base, 'proof')));
  assert.equal(runCommandLine([], { env }).status, 0);
  assert.ok(existsSync(join(base, 'proof')));
  assert.equal(runCommandLine(['cleanup'], { env }).status, 0);
  assert.ok(!existsSync(join(base, 'deferred')));
});
