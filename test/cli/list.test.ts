import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { before, type TestContext, test } from 'node:test';
import { type ListReport, list, type SweepReport } from '#dist/index.js';
import {
  baseOfKilledWorker,
  commandLinePath,
  plainEnvironment,
  runCommandLine,
  startCommandLine,
} from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { noMounts, withMounts } from '../helpers/mount-namespace.ts';
import { isFull } from '../helpers/size.ts';
import { until } from '../helpers/until.ts';
import { freshPlace, startWorker } from '../helpers/worker.ts';

const failing = `job.defer(function refuse() { throw new Error('no, never'); });`;

function listJson(...args: string[]): ListReport {
  return JSON.parse(runCommandLine(['list', '--json', ...args]).stdout) as ListReport;
}

/** Every file below a directory, with its bytes. */
function bytesBelow(directory: string): Record<string, string> {
  const files = readdirSync(directory, { recursive: true, withFileTypes: true });
  return Object.fromEntries(
    files
      .filter(file => file.isFile())
      .map(file => join(file.parentPath, file.name))
      .map(path => [path, readFileSync(path, 'latin1')]),
  );
}

let letter: string;

before(() => {
  const atExit = { after() {} };
  letter = baseOfKilledWorker(atExit, failing, `{ retryDelayMs: 0, label: 'job 7' }`);
  assert.equal(runCommandLine(['cleanup', letter]).status, 1);
});

/** A base with one dead letter. */
function baseOfDeadLetter(t: TestContext): string {
  const base = freshDirectory(t);
  cpSync(letter, base, { recursive: true, preserveTimestamps: true });
  return base;
}

test('a file is live while its owner lives, and an orphan when it was killed', async t => {
  const { base, ledger } = freshPlace(t);
  const { child } = await startWorker(t, { base, ledger, calls: [{ do: 'append', text: 'a' }] });
  assert.deepEqual(
    listJson(base).files.map(({ state, owner }) => [state, owner?.pid]),
    [['live', child.pid]],
  );
  await child.kill();
  const [file] = listJson(base).files;
  assert.equal(file?.state, 'orphan');
  assert.deepEqual(
    file.functions.map(({ state, name }) => [state, name]),
    [['pending', 'appendFileSync']],
  );
});

/** A base whose dead owner left its lock to a child, and the pid of that. */
function baseOfHeldFile(t: TestContext): [base: string, pid: number] {
  const base = baseOfKilledWorker(
    t,
    `const { spawn } = await import('node:child_process');
     const { readdirSync, readlinkSync, writeFileSync } = await import('node:fs');
     const linkOf = fd => { try { return readlinkSync('/proc/self/fd/' + fd); } catch { return ''; } };
     const fd = Number(readdirSync('/proc/self/fd').find(fd => linkOf(fd) === job.path));
     const child = spawn('sleep', ['600'], { stdio: ['ignore', 'ignore', 'ignore', fd], detached: true });
     writeFileSync(base + '/pid', String(child.pid));`,
  );
  const pid = Number(readFileSync(join(base, 'pid'), 'utf8'));
  t.after(() => process.kill(pid, 'SIGKILL'));
  return [base, pid];
}

test('a file whose dead owner left its lock to a child is held, and the child is named', t => {
  const [base, pid] = baseOfHeldFile(t);
  const [file] = listJson(base).files;
  assert.equal(file?.state, 'held');
  assert.deepEqual(file.holders, [{ pid, program: 'sleep' }]);
  const link = join(freshDirectory(t), 'link');
  symlinkSync(base, link);
  assert.deepEqual(listJson(link).files[0]?.holders, file.holders, 'through a link, too');
});

test('a holder is named where it has the directory under another path', { skip: noMounts }, t => {
  const [base, pid] = baseOfHeldFile(t);
  const there = freshDirectory(t);
  const [program, ...args] = withMounts(`mount --bind ${base} ${there}`);
  const list = [process.execPath, commandLinePath, 'list', '--json', there];
  const { stdout } = spawnSync(program!, [...args, ...list], { env: plainEnvironment(), encoding: 'utf8' });
  const { files } = JSON.parse(stdout) as ListReport;
  assert.deepEqual(files[0]?.holders, [{ pid, program: 'sleep' }]);
});

test('a file that a sweep has is sweeping', async t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(async function wait(path) {
       (await import('node:fs')).writeFileSync(path, '');
       await new Promise(() => setInterval(() => {}, 1000));
     }, base + '/begun');`,
  );
  const sweeper = startCommandLine(t, ['--deadline', '20s', '--grace', '10ms', base]);
  await until('its beginning', () => readdirSync(base).includes('begun'));
  const [file] = listJson(base).files;
  assert.deepEqual([file?.state, file?.functions[0]?.state], ['sweeping', 'running']);
  sweeper.kill('SIGTERM');
  sweeper.kill('SIGKILL');
});

test('what was given up is dead, with its attempts and their errors', t => {
  const base = baseOfDeadLetter(t);
  const [file] = listJson(base).files;
  assert.equal(file?.state, 'dead');
  assert.deepEqual(
    file.functions[0]?.attempts.map(({ error }) => error?.message),
    ['no, never', 'no, never', 'no, never'],
  );
  assert.match(file.id, /^[0-9a-f]{16}\.1$/);
});

test('a file whose bytes were changed is damaged, and show says where', t => {
  const base = baseOfKilledWorker(t, failing + failing);
  const directory = join(base, 'deferred');
  const path = join(directory, readdirSync(directory)[0]!);
  const bytes = readFileSync(path);
  bytes[bytes.lastIndexOf('refuse')]! ^= 1;
  writeFileSync(path, bytes);
  assert.equal(listJson(base).files[0]?.state, 'damaged');
  const shown = runCommandLine(['show', path]).stdout;
  assert.match(shown, /^ {2}damaged bytes \d+ to \d+$/m);
  assert.ok(shown.endsWith(`\n  run it  deferred-sweep sweep ${base}\n`), shown);
});

test('show says of the copy of a damaged file how to be rid of it, and of it alone', t => {
  const base = baseOfKilledWorker(t, failing + failing, '{ maxAttempts: 1 }');
  const path = join(base, 'deferred', readdirSync(join(base, 'deferred'))[0]!);
  const bytes = readFileSync(path);
  bytes[bytes.lastIndexOf('refuse')]! ^= 1;
  writeFileSync(path, bytes);
  runCommandLine([base]);
  const { files } = listJson(base);
  assert.deepEqual(files.map(({ state }) => state).sort(), ['damaged', 'dead']);
  const copy = files.find(({ state }) => state === 'damaged');
  const id = `${copy?.id.slice(0, 6)}.damaged`;
  const line = `deferred-sweep discard ${id} --dir ${base}`;
  const shown = runCommandLine(['show', id, '--dir', base]).stdout;
  assert.ok(shown.endsWith(`\n  away    ${line}\n`), shown);
  const [, ...words] = line.split(' ');
  assert.equal(runCommandLine([...words, '--yes']).status, 0);
  assert.deepEqual(
    listJson(base).files.map(({ state }) => state),
    ['dead'],
  );
});

test('show PATH says what to do next with the BASE of the path', t => {
  const orphan = baseOfKilledWorker(t, failing);
  const [file = assert.fail('no orphan')] = listJson(orphan).files;
  // Of the path, whatever --dir is.
  for (const args of [[], ['--dir', freshDirectory(t)]])
    assert.match(
      runCommandLine(['show', file.path, ...args]).stdout,
      new RegExp(`^ {2}run it +deferred-sweep sweep ${orphan}$`, 'm'),
    );
  const base = baseOfDeadLetter(t);
  const [letter = assert.fail('no letter')] = listJson(base).files;
  const moved = join(base, 'deferred', basename(letter.path));
  const advice = (path: string): string[] =>
    [...runCommandLine(['show', path]).stdout.matchAll(/^ {2}(?:again|away) +(.*)$/gm)].map(
      ([, line]) => line!,
    );
  const id = `${letter.id.slice(0, 6)}.1`;
  const expected = [`deferred-sweep retry ${id} --dir ${base}`, `deferred-sweep discard ${id} --dir ${base}`];
  assert.deepEqual(advice(letter.path), expected);
  renameSync(letter.path, moved);
  assert.deepEqual(advice(moved), expected);
  // In no state directory no command finds it.
  const copied = join(freshDirectory(t), 'dead', basename(moved));
  mkdirSync(dirname(copied));
  renameSync(moved, copied);
  assert.deepEqual(advice(copied), []);
});

test('what is no state file is unknown, with the reason', t => {
  const base = baseOfKilledWorker(t, failing);
  mkdirSync(join(base, 'deferred', 'funcdirectory'));
  const file = listJson(base).files.find(({ path }) => path.endsWith('funcdirectory'));
  assert.equal(file?.state, 'unknown');
  assert.match(file.error?.message ?? '', /it is not a regular file/);
  assert.match(runCommandLine(['show', file.path]).stdout, /^\S+ {2}unknown: it was not read\n/);
});

test('in a pipe there is a line of ten columns for each file, and nothing else', t => {
  const base = baseOfDeadLetter(t);
  const { stdout, stderr, status } = runCommandLine(['list', base]);
  assert.match(stdout, /^dead\t[0-9a-f]{6}\.1\t\S+\t\d+\t\d+s\t1\t3\/3\trefuse\tjob 7\tno, never\n$/);
  assert.deepEqual([stderr, status], ['', 0]);
  assert.equal(runCommandLine(['list', freshDirectory(t)]).stdout, '');
});

test('filters choose files, and --exit-code tells whether there are any', t => {
  const base = baseOfDeadLetter(t);
  const statusOf = (...args: string[]): number | null =>
    runCommandLine(['list', '--exit-code', ...args, base]).status;
  assert.equal(statusOf('--state', 'orphan,dead'), 1);
  assert.equal(statusOf('--state', 'orphan'), 0);
  assert.equal(statusOf('--label', 'job 7'), 1);
  assert.equal(statusOf('--label', 'job 8'), 0);
  assert.equal(statusOf('--older', '1h'), 0);
  assert.equal(statusOf('--older', '0'), 1);
});

test('the alarm for what is old finds files whose header is damaged, and those that cannot be read', t => {
  const base = freshDirectory(t);
  const directory = join(base, 'deferred');
  mkdirSync(join(directory, 'dead'), { recursive: true, mode: 0o700 });
  // Named in 1972, by the time in the name; the other one by its last change.
  const named = join(directory, 'dead', `func00${'1'.repeat(7)}${'0'.repeat(16)}.damaged`);
  writeFileSync(named, 'no header', { mode: 0o600 });
  const other = join(directory, 'dead', 'func-of-another-name.damaged');
  mkdirSync(other);
  utimesSync(other, 1, 1);
  const { status, stdout } = runCommandLine([
    ...['list', '--json', '--state', 'orphan,dead,damaged', '--older', '1h', '--exit-code', base],
  ]);
  assert.equal(status, 1);
  assert.deepEqual(
    (JSON.parse(stdout) as ListReport).files.map(({ path, state }) => [path, state]),
    [
      [other, 'damaged'],
      [named, 'damaged'],
    ],
  );
});

test('the lines of show can be copied into a shell, whatever the BASE is called', t => {
  const base = join(freshDirectory(t), `it's a $HOME`);
  renameSync(baseOfKilledWorker(t, failing), base);
  const [file = assert.fail('no orphan')] = listJson(base).files;
  const { stdout } = runCommandLine(['show', file.path]);
  const [, line = ''] = /^ {2}run it +(.*)$/m.exec(stdout) ?? [];
  const words = spawnSync('sh', ['-c', `printf '%s\\n' ${line}`], { encoding: 'utf8' }).stdout;
  assert.equal(words, `deferred-sweep\nsweep\n${base}\n`);
});

test('verbs that only read leave every byte', async t => {
  const base = baseOfDeadLetter(t);
  const ledger = join(freshDirectory(t), 'ledger');
  const plan = { base, ledger, calls: [{ do: 'append', text: 'a' }] } as const;
  // One after the other would sweep what the first one left.
  const [{ child }] = await Promise.all([startWorker(t, plan), startWorker(t, plan)]);
  await child.kill();
  const before = bytesBelow(base);
  assert.equal(Object.keys(before).length, 3);
  const [id = ''] = listJson('--state', 'dead', base).files.map(file => file.id);
  for (const args of [['list'], ['list', '--json'], ['sweep', '--dry-run'], ['doctor']]) {
    const { status, stderr } = runCommandLine([...args, base]);
    assert.equal(status, 0, stderr);
  }
  for (const args of [
    ['show', id],
    ['show', id, '--json'],
    ['show', id, '--cbor-diag'],
  ])
    assert.equal(runCommandLine([...args, '--dir', base]).status, 0);
  assert.deepEqual(bytesBelow(base), before);
});

test('a sweep beside listers skips no orphan, and no lister dies', async t => {
  const { base, ledger } = freshPlace(t);
  const orphans = isFull ? 12 : 6;
  const workers: Awaited<ReturnType<typeof startWorker>>[] = [];
  for (let count = 0; count < orphans; count++)
    workers.push(await startWorker(t, { base, ledger, calls: [{ do: 'append', text: 'a' }] }));
  await Promise.all(workers.map(({ child }) => child.kill()));
  const sweeper = startCommandLine(t, ['--json', base]);
  let stdout = '';
  sweeper.stdout!.setEncoding('utf8').on('data', text => (stdout += text));
  let isOver = false;
  sweeper.once('close', () => (isOver = true));
  while (!isOver) {
    await list(base);
    await new Promise(setImmediate);
  }
  assert.equal((JSON.parse(stdout) as SweepReport).ok, orphans);
  assert.equal(readFileSync(ledger, 'utf8'), 'a\n'.repeat(orphans));
});

test('a torn end is no damage, and the functions before it are listed', t => {
  const base = baseOfKilledWorker(t, failing);
  const directory = join(base, 'deferred');
  const path = join(directory, readdirSync(directory)[0]!);
  appendFileSync(path, readFileSync(path).subarray(0, 20));
  const [file] = listJson(base).files;
  assert.deepEqual([file?.state, file?.functions.length], ['orphan', 1]);
  assert.ok(file!.tornBytes! > 0);
});

test('where a file has the place of dead/, state files are listed, and it is named; retry and discard refuse', async t => {
  const base = baseOfKilledWorker(t, failing);
  const dead = join(base, 'deferred/dead');
  writeFileSync(dead, '', { mode: 0o600 });
  const { files } = await list(base);
  assert.deepEqual(
    files.map(({ state, path, error }) => [state, path === dead, error?.message]),
    [
      ['orphan', false, undefined],
      [
        'damaged',
        true,
        `cannot read ${dead}: it is not a directory; find out who put it there, and move it away`,
      ],
    ],
  );
  for (const verb of [['retry'], ['discard', '--yes']]) {
    const { status, stderr } = runCommandLine([...verb, '--all', '--dir', base]);
    assert.equal(status, 3);
    assert.ok(stderr.includes(`cannot read ${dead}: it is not a directory`), stderr);
  }
});
