/** Which directories a sweep looks at, and those that it cannot. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
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
import { noMounts, withMounts } from '../helpers/mount-namespace.ts';

const touch = `job.defer(promises.writeFile, base + '/proof', '');`;
const failing = `job.defer(function refuse() { throw new Error('no, never'); });`;

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

test('of a link to nowhere it is said once that it cannot be used, not that there is nothing to do', t => {
  const link = join(freshDirectory(t), 'link');
  symlinkSync('nowhere', link);
  for (const verb of ['sweep', 'list']) {
    const { status, stderr } = runCommandLine([verb, link]);
    assert.equal(status, 3);
    assert.match(stderr, /^deferred-sweep: cannot .*: it is a link to nowhere, which does not exist; .*\n$/);
  }
});

test('who names the directory of state files in the place of BASE is told of BASE', t => {
  const base = baseOfKilledWorker(t, touch);
  const named = join(base, 'deferred');
  for (const verb of ['sweep', 'list', 'doctor']) {
    const { status, stderr } = runCommandLine([verb, named]);
    assert.deepEqual(
      [status, stderr],
      [0, `deferred-sweep: ${named} is where the state files of ${base} are: name that one\n`],
    );
  }
  assert.equal(runCommandLine(['sweep', '--quiet', named]).stderr, '');
  const baseOfLetter = baseOfKilledWorker(t, failing, '{ maxAttempts: 1 }');
  assert.equal(runCommandLine(['sweep', baseOfLetter]).status, 1);
  const dead = join(baseOfLetter, 'deferred/dead');
  const { status, stderr } = runCommandLine(['list', dead]);
  assert.deepEqual(
    [status, stderr],
    [0, `deferred-sweep: ${dead} is where the state files of ${baseOfLetter} are: name that one\n`],
  );
  // A BASE may be called so, too.
  mkdirSync(join(named, 'deferred'), { mode: 0o700 });
  assert.equal(runCommandLine([named]).stderr, '');
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
    assert.match(stderr, /^deferred-sweep: cannot \w+ \.\/x: the working directory was removed\n$/);
  }
  assert.equal(run('sweep', '--exit-zero', './x', good).status, 0);
  assert.ok(existsSync(join(good, 'proof')), 'the other one is swept');
});

test('doctor says of a place that the system refuses why, and what to do', t => {
  const base = join(freshDirectory(t), 'x'.repeat(256));
  const { status, stdout } = runCommandLine(['doctor', base]);
  assert.equal(status, 1);
  const told = stdout.split('\n').filter(line => line.startsWith('bad'));
  assert.deepEqual(told, [`bad     way         ${base}: name too long (ENAMETOOLONG); use a shorter path`]);
});

test('doctor says once what cannot be done in a place that is read-only, and what to do', {
  skip: noMounts,
}, t => {
  const base = freshDirectory(t);
  const [program, ...args] = withMounts(`mount -t tmpfs -o ro none ${base}`);
  const line = [process.execPath, commandLinePath, 'doctor', base];
  const { status, stdout } = spawnSync(program!, [...args, ...line], {
    env: plainEnvironment(),
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  assert.match(
    stdout,
    /^bad {5}locks {7}cannot make a file in \S+: read-only file system \(EROFS\); see why [^:]*$/m,
  );
});
