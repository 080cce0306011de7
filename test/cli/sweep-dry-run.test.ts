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
import { join } from 'node:path';
import { test } from 'node:test';
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
    /would be run\n {2}writeFile ".*proof", "" \(attempt 1 of 3\)\n.*: 1 would be run, of 1 orphans/,
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
      `^${directory}/${name} of pid .*: would be run\n {2}writeFile .*\n.*: 1 would be run, of 1 orphans; nothing was touched\n$`,
    ),
  );
  assert.match(runCommandLine([base]).stdout, / 1 done/);
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
