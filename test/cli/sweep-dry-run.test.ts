/** What a sweep would run. */
import assert from 'node:assert/strict';
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { ListReport } from '#dist/index.js';
import { baseOfKilledWorker, runCommandLine } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const touch = `job.defer(promises.writeFile, base + '/proof', '');`;
const failing = `job.defer(function refuse() { throw new Error('no, never'); });`;

function stateFiles(base: string): string[] {
  return readdirSync(join(base, 'deferred')).filter(name => name.startsWith('func'));
}

test('--dry-run says what would be run, and leaves every byte', t => {
  const base = baseOfKilledWorker(t, touch);
  const [name = ''] = stateFiles(base);
  const before = readFileSync(join(base, 'deferred', name));
  const { status, stdout, stderr } = runCommandLine(['--dry-run', base]);
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    /would be run\n {2}writeFile ".*proof", "" \(attempt 1 of 3\)\n.*: 1 would be run, of 1 orphan/,
  );
  assert.deepEqual(readFileSync(join(base, 'deferred', name)), before);
  assert.ok(!existsSync(join(base, 'proof')));
});

test('--dry-run names what a sweep would run of a damaged orphan, and no dead letter', t => {
  const base = baseOfKilledWorker(t, `${touch}\n${failing}`);
  const directory = join(base, 'deferred');
  const [name = ''] = stateFiles(base);
  const bytes = readFileSync(join(directory, name));
  bytes[bytes.lastIndexOf('refuse')]! ^= 1;
  writeFileSync(join(directory, name), bytes);
  // A dead letter that was moved up, and cannot be read.
  mkdirSync(join(directory, `${name}-1`));
  const { status, stdout, stderr } = runCommandLine(['--dry-run', base]);
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    new RegExp(
      `^${directory}/${name} of pid .*: would be run\n {2}writeFile .*\n.*: 1 would be run, of 1 orphan; nothing was touched\n$`,
    ),
  );
  assert.match(runCommandLine([base]).stdout, / 1 done/);
});

test('--dry-run says of a damaged orphan with no whole function left that it would be set aside', t => {
  const base = baseOfKilledWorker(t, failing);
  const path = join(base, 'deferred', stateFiles(base)[0] ?? '');
  const bytes = readFileSync(path);
  bytes[bytes.lastIndexOf('refuse')]! ^= 1;
  writeFileSync(path, bytes);
  const { stdout } = runCommandLine(['--dry-run', base]);
  assert.match(stdout, /: would be set aside, [1-9]\d* bytes damaged\n.*: 0 would be run, of 1 orphan;/);
  assert.deepEqual(readFileSync(path), bytes);
  assert.equal(runCommandLine([base]).status, 1);
  assert.deepEqual(readFileSync(join(base, 'deferred/dead', `${basename(path)}.damaged`)), bytes);
});

test('what waits for its next attempt is due then, in a dry run, a sweep, list and show alike', t => {
  const base = baseOfKilledWorker(t, failing, '{ retryDelayMs: 3_600_000 }');
  assert.equal(runCommandLine([base]).status, 1);
  const dry = runCommandLine(['--dry-run', base]).stdout;
  assert.match(dry, /: waiting\n {2}refuse \(attempt 2 of 3, due in 59m\)\n.*: 0 would be run, of 1 orphan;/);
  const swept = runCommandLine([base]);
  assert.equal(swept.status, 0, swept.stderr);
  assert.match(swept.stdout, /: waiting, due in 59m\n/);
  const { files } = JSON.parse(runCommandLine(['list', '--json', base]).stdout) as ListReport;
  const retryInMs = files[0]?.functions[0]?.retryInMs ?? 0;
  assert.ok(retryInMs > 3_000_000 && retryInMs <= 3_600_000, String(retryInMs));
  const shown = runCommandLine(['show', files[0]?.path ?? '']).stdout;
  assert.match(
    shown,
    /; the next sweep runs what is due\n[\s\S]*refuse {3}pending, due in 59m, at most 60000 ms\n/,
  );
});

test('--dry-run says of a file in which nothing is left that it would be removed, as show does', t => {
  const base = baseOfKilledWorker(t, '');
  const { stdout } = runCommandLine(['--dry-run', base]);
  assert.match(stdout, /: would be removed, nothing is left to do\n.*: 0 would be run, of 1 orphan;/);
  assert.match(
    runCommandLine(['show', join(base, 'deferred', stateFiles(base)[0] ?? '')]).stdout,
    /; the next sweep removes it\n/,
  );
  assert.match(runCommandLine([base]).stdout, /: removed, nothing was left to do\n/);
});

test('--dry-run tells of a function that has used up its attempts that it would be given up', t => {
  // The sweep dies with its runner, so that none of them can bury the function.
  const killer = `job.defer(function kill() { process.kill(process.ppid, 'SIGKILL'); process.kill(process.pid, 'SIGKILL'); });`;
  const base = baseOfKilledWorker(t, killer, '{ maxAttempts: 1 }');
  assert.equal(runCommandLine([base]).status, null);
  const { stdout } = runCommandLine(['--dry-run', base]);
  assert.match(
    stdout,
    /: would be given up\n {2}kill \(1 of 1 attempts used up\)\n.*: 0 would be run, of 1 orphan;/,
  );
  assert.match(runCommandLine([base]).stdout, /kill: .*; dead letter /);
});

test('--dry-run tells of what a sweep would refuse that it would not be run, and why', t => {
  const base = freshDirectory(t);
  const directory = join(base, 'deferred');
  mkdirSync(directory, { mode: 0o700 });
  symlinkSync('/etc/passwd', join(directory, 'func-link'));
  mkdirSync(join(directory, 'func-directory'));
  writeFileSync(join(directory, 'func-open'), '', { mode: 0o644 });
  const why = 'will not read PATH: (.*); find out who put it there';
  const told = (args: string[], verdict: string): string[] =>
    runCommandLine([...args, base])
      .stdout.split('\n')
      .flatMap(line => new RegExp(`^(.*): ${verdict}, ${why.replace('PATH', '\\1')}$`).exec(line)?.[2] ?? []);
  const expected = [
    'it is not a regular file',
    'it is not a regular file',
    'others can read or write it (mode 0644)',
  ];
  assert.deepEqual(told(['--dry-run'], 'would not be run'), expected);
  assert.deepEqual(told([], 'refused'), expected);
});

test('--dry-run --json --totals prints how many files there were', t => {
  const base = baseOfKilledWorker(t, touch);
  const { stdout } = runCommandLine(['--dry-run', '--json', '--totals', base]);
  assert.equal((JSON.parse(stdout) as { files: unknown }).files, 1);
});

test('--dry-run tells in JSON of a directory that it cannot read, too, and writes no metrics', t => {
  const bad = freshDirectory(t);
  mkdirSync(join(bad, 'deferred'));
  chmodSync(join(bad, 'deferred'), 0o777);
  for (const args of [['sweep', '--dry-run'], ['list']]) {
    const { status, stdout } = runCommandLine([...args, '--json', bad, freshDirectory(t)]);
    const [first, second] = stdout
      .trimEnd()
      .split('\n')
      .map(line => JSON.parse(line) as { base?: string; files?: unknown[]; error?: { code?: string } });
    assert.equal(status, 3);
    assert.deepEqual([first?.base, first?.error?.code], [bad, 'DEFERRED_UNSAFE_DIRECTORY']);
    assert.deepEqual(second?.files, []);
  }
  assert.equal(runCommandLine(['--dry-run', '--metrics-file', join(bad, 'm'), bad]).status, 2);
});
