import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { test } from 'node:test';
import type { SweepReport } from 'deferred-sweep';
import {
  baseOfKilledWorker,
  commandLinePath,
  type Ended,
  plainEnvironment,
  runCommandLine,
} from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const touch = `job.defer(promises.writeFile, base + '/proof', '');`;
const failing = `job.defer(function refuse() { throw new Error('no, never'); });`;

function stateFiles(base: string): string[] {
  return readdirSync(join(base, 'deferred')).filter(name => name.startsWith('func'));
}

test('a missing directory is nothing to do, which is said, and nothing is created', t => {
  const base = join(freshDirectory(t), 'missing');
  for (const verb of ['sweep', 'cleanup']) {
    const { status, stdout, stderr } = runCommandLine([verb, base]);
    assert.equal(status, 0);
    assert.equal(stdout, `${base}/deferred: 0 done, 0 failed, 0 left for later, 0 live owners\n`);
    assert.equal(stderr, `deferred-sweep: nothing to do in ${base}: ${base} does not exist\n`);
    assert.ok(!existsSync(base));
  }
});

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

test('--label sweeps the jobs with this label, and no other', t => {
  const base = baseOfKilledWorker(t, touch, `{ label: 'job 1' }`);
  assert.match(runCommandLine(['--label', 'job 2', base]).stdout, / 0 done/);
  assert.match(runCommandLine(['--label', 'job 1', base]).stdout, / 1 done/);
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

test('--deadline ends a sweep beside a function that hangs, and what is left stays registered', t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(async function hang() { await new Promise(() => setInterval(() => {}, 1000)); });`,
  );
  const { status, stdout } = runCommandLine(['--deadline', '1s', '--grace', '100ms', '--json', base]);
  assert.equal(status, 1);
  assert.equal((JSON.parse(stdout) as SweepReport).pending, 1);
});

test('--deadline is one for all bases together', t => {
  const hang = `job.defer(async function hang() { await new Promise(() => setInterval(() => {}, 1000)); });`;
  const bases = [baseOfKilledWorker(t, hang), baseOfKilledWorker(t, hang)];
  const { status, stdout } = runCommandLine(['--deadline', '1s', '--grace', '100ms', '--json', ...bases]);
  const reports = stdout
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as SweepReport);
  assert.equal(status, 1);
  // The first one has used it up: of the second no function is begun.
  assert.deepEqual(
    reports.map(({ failed, isComplete }) => [failed, isComplete]),
    [
      [1, true],
      [0, false],
    ],
  );
});

test('the same directory given twice is swept once, and has one sample in the metrics', t => {
  const base = freshDirectory(t);
  const file = join(freshDirectory(t), 'sweep.prom');
  const { stdout } = runCommandLine(['--json', '--metrics-file', file, base, `${base}/../${basename(base)}`]);
  assert.equal(stdout.trimEnd().split('\n').length, 1);
  assert.equal(readFileSync(file, 'utf8').match(/^deferred_sweep_live_files\{/gm)?.length, 1);
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

test('a working directory that was removed is told in words, and ends with 3, or 0 where that is asked for', t => {
  const good = baseOfKilledWorker(t, touch);
  const run = (...args: string[]): Ended => {
    const gone = freshDirectory(t);
    const program = `cd '${gone}' && rmdir '${gone}' && exec "$@"`;
    return spawnSync('sh', ['-c', program, 'sh', process.execPath, commandLinePath, ...args], {
      env: plainEnvironment(),
      encoding: 'utf8',
    });
  };
  for (const args of [['list'], ['sweep', '--quiet'], ['watch'], ['doctor']]) {
    const { status, stderr } = run(...args, './x');
    assert.equal(status, 3);
    assert.match(stderr, /^deferred-sweep: (cannot \w+ \.\/x: )?the working directory was removed\n$/);
  }
  assert.equal(run('sweep', '--exit-zero', './x', good).status, 0);
  assert.ok(existsSync(join(good, 'proof')), 'the other one is swept');
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
