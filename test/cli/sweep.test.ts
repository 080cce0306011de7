/** What is run of orphans, and what is not. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { SweepReport } from 'deferred-sweep';
import { baseOfKilledWorker, runCommandLine } from '../helpers/command-line.ts';

const touch = `job.defer(promises.writeFile, base + '/proof', '');`;
const failing = `job.defer(function refuse() { throw new Error('no, never'); });`;

function stateFiles(base: string): string[] {
  return readdirSync(join(base, 'deferred')).filter(name => name.startsWith('func'));
}

test('an orphan is run and its file removed', t => {
  const base = baseOfKilledWorker(t, touch);
  const { status, stdout, stderr } = runCommandLine([base]);
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /func\w+ of pid \d+ on .*: running\n {2}writeFile: ok \(attempt 1, \d+ ms\)\n.*: 1 done, 0 failed/,
  );
  assert.equal(stderr, '');
  assert.ok(existsSync(join(base, 'proof')));
  assert.deepEqual(stateFiles(base), []);
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

test('the line of a function whose process was killed tells how long it ran', t => {
  const hang = 'Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);';
  const base = baseOfKilledWorker(t, `job.defer(function hang() { ${hang} });`, '{ maxAttempts: 1 }');
  const { stdout } = runCommandLine(['--timeout', '200ms', '--grace', '0s', base]);
  const [, ms] = /hang: timed-out \(attempt 1, (\d+) ms\)/.exec(stdout) ?? [];
  assert.ok(Number(ms) >= 200, stdout);
});

test('--timeout overrides what the owner chose', t => {
  const base = baseOfKilledWorker(
    t,
    'job.defer(function hang() { Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); });',
    '{ timeoutMs: 0, maxAttempts: 1 }',
  );
  const { status, stdout } = runCommandLine(['--timeout', '200ms', '--grace', '100ms', '--json', base]);
  assert.equal(status, 1);
  const report = JSON.parse(stdout) as SweepReport;
  assert.equal(report.files[0]?.functions[0]?.outcome, 'timed-out');
  assert.ok(existsSync(report.files[0]?.functions[0]?.deadLetter ?? ''));
});

test('cleanup uses up the attempts of what fails, and names the dead letter', t => {
  const base = baseOfKilledWorker(t, failing);
  const { status, stdout, stderr } = runCommandLine(['cleanup', base]);
  assert.equal(status, 1, stderr);
  const [, letter = ''] =
    /refuse: failed \(attempt 3, .*\n {2}refuse: given up; dead letter (.*)\n/.exec(stdout) ?? [];
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

test('--label sweeps the jobs with this label, and no other', t => {
  const base = baseOfKilledWorker(t, touch, `{ label: 'job 1' }`);
  assert.match(runCommandLine(['--label', 'job 2', base]).stdout, / 0 done/);
  assert.match(runCommandLine(['--label', 'job 1', base]).stdout, / 1 done/);
});

test('--deadline ends a sweep beside a function that hangs, and what is left stays registered', t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(async function hang() { await new Promise(() => setInterval(() => {}, 1000)); });`,
  );
  const { status, stdout } = runCommandLine(['--deadline', '1s', '--grace', '100ms', '--json', base]);
  assert.equal(status, 1);
  assert.equal((JSON.parse(stdout) as SweepReport).pending, 1);
});
