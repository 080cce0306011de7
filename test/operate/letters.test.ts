/** `retry` and `discard`: a function is in one place, whatever happens. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  cpSync,
  existsSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { text } from 'node:stream/consumers';
import { before, type TestContext, test } from 'node:test';
import { discard, list, retry, show, sweep } from '#dist/index.js';
import { tryLock } from '#dist/lock/advisory-lock.js';
import {
  baseOfKilledWorker,
  commandLinePath,
  plainEnvironment,
  runCommandLine,
} from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { noMounts, withMounts } from '../helpers/mount-namespace.ts';
import { isAlive, nameProcess } from '../helpers/process-life.ts';
import { isFull, sample } from '../helpers/size.ts';
import { strace, straceMissing } from '../helpers/strace.ts';
import { until } from '../helpers/until.ts';

/** Fails until there is a file `base/mended`; writes a line into `base/ran` each time. */
const mendable = `job.defer(async function mendable(base) {
  const fs = await import('node:fs');
  fs.appendFileSync(base + '/ran', 'x');
  if (!fs.existsSync(base + '/mended')) throw new Error('not yet');
}, base);`;

let letter: string;

before(() => {
  const atExit = { after() {} };
  letter = baseOfLetter(atExit);
});

/** A copy of one base with a letter, where its function need not find its own way. */
function copyOfLetter(t: TestContext): string {
  const base = freshDirectory(t);
  cpSync(letter, base, { recursive: true, preserveTimestamps: true });
  return base;
}

function baseOfLetter(t: Pick<TestContext, 'after'>, options = '', body = mendable): string {
  const base = baseOfKilledWorker(t, body, `{ retryDelayMs: 0, ${options} }`);
  runCommandLine(['cleanup', base]);
  return base;
}

async function letterOf(base: string): Promise<string> {
  const { files } = await list(base, { states: ['dead'] });
  assert.equal(files.length, 1);
  return files[0]!.path;
}

test('a retried function has fresh attempts, runs in the next sweep, and keeps its history', async t => {
  const base = baseOfLetter(t);
  const { letters } = await retry({ all: true }, base);
  assert.deepEqual(
    letters.map(({ outcome, name }) => [outcome, name]),
    [['retried', 'mendable']],
  );
  const again = await sweep(base, { logger: null });
  assert.deepEqual(
    again.files[0]?.functions.map(({ outcome, attempt }) => [outcome, attempt]),
    [['failed', 1]],
  );
  const [file] = (await list(base)).files;
  const [shown] = await show(file!.path);
  assert.deepEqual(
    shown?.earlierAttempts.map(({ error }) => error?.message),
    ['not yet', 'not yet', 'not yet'],
  );
  mkdirSync(join(base, 'mended'));
  assert.equal((await sweep(base, { logger: null })).ok, 1);
  assert.equal(readFileSync(join(base, 'ran'), 'utf8'), 'x'.repeat(5));
  assert.deepEqual((await list(base)).files, []);
});

test('a dead letter of a retry has all attempts of before, and can be retried again', async t => {
  const base = baseOfLetter(t);
  for (let round = 1; round <= 2; round++) {
    assert.equal((await retry({ all: true }, base)).letters[0]?.outcome, 'retried');
    runCommandLine(['cleanup', base]);
    const [shown] = await show(await letterOf(base));
    assert.equal(shown?.earlierAttempts.length, 3 * round);
  }
});

test('an at-most-once function runs once for each time it is retried', async t => {
  const base = baseOfLetter(t, `delivery: 'at-most-once'`);
  assert.equal(readFileSync(join(base, 'ran'), 'utf8'), 'x');
  await retry({ all: true }, base);
  runCommandLine(['cleanup', base]);
  assert.equal(readFileSync(join(base, 'ran'), 'utf8'), 'xx');
});

test('of an id that means nothing it is said where to see what there is, with the BASE that was named', t => {
  const base = copyOfLetter(t);
  const args = ['zzz', '--dir', base];
  for (const verb of [['retry'], ['discard', '--yes']])
    assert.equal(
      runCommandLine([...verb, ...args]).stderr,
      `deferred-sweep: zzz: no dead letter has this id or path; see deferred-sweep list --state dead ${base}\n`,
    );
  assert.equal(
    runCommandLine(['show', ...args]).stderr,
    `deferred-sweep: no file in ${base}/deferred has the id zzz; see deferred-sweep list ${base}\n`,
  );
});

test('an id means the letters that begin so, one of them with its number, or none', async t => {
  const base = baseOfLetter(t, '', mendable + mendable);
  const { files } = await list(base);
  assert.equal(files.length, 2);
  const [random = ''] = files[0]!.id.split('.');
  const outcomes = async (...ids: string[]): Promise<string[]> =>
    (await discard({ ids }, base)).letters.map(({ outcome }) => outcome);
  assert.deepEqual(await outcomes(`${random.slice(0, 6)}.9`), ['missing']);
  assert.deepEqual(await outcomes('zzz'), ['missing']);
  assert.deepEqual(await outcomes(`${random.slice(0, 6)}.2`), ['discarded']);
  assert.deepEqual(
    (await list(base)).files.map(({ id }) => id),
    [`${random}.1`],
  );
  assert.deepEqual(await outcomes(random.slice(0, 6)), ['discarded']);
});

test('--name chooses functions, and discard without --yes and terminal removes nothing', async t => {
  const base = copyOfLetter(t);
  assert.equal(runCommandLine(['discard', '--all', '--dir', base]).status, 2);
  assert.equal(runCommandLine(['discard', '--all', '--name', 'other', '--yes', '--dir', base]).status, 0);
  assert.equal((await list(base)).files.length, 1);
  assert.equal(runCommandLine(['discard', '--all', '--name', 'mendable', '--yes', '--dir', base]).status, 0);
  assert.equal((await list(base)).files.length, 0);
});

test('of a letter that another process has nothing is taken: it is busy', async t => {
  const base = copyOfLetter(t);
  const path = await letterOf(base);
  const fd = openSync(path, 'r+');
  assert.ok(tryLock(fd, { scheme: 'flock' }));
  assert.equal((await retry({ all: true }, base)).letters[0]?.outcome, 'busy');
  assert.equal((await discard({ all: true }, base)).letters[0]?.outcome, 'busy');
  assert.ok(existsSync(path));
});

for (const verb of ['retry', 'discard'])
  test(`a letter that goes between the open and the lock of ${verb} is gone, and one that has its name by then is left`, {
    skip: straceMissing,
  }, async t => {
    const base = copyOfLetter(t);
    const path = await letterOf(base);
    const log = join(freshDirectory(t), 'trace');
    // The first open is that of the listing; it stops behind the second.
    const [program, ...stop] = strace({ path, log, inject: 'openat:signal=SIGSTOP:when=2' });
    const command = [process.execPath, commandLinePath, verb, '--all', '--json', '--dir', base];
    if (verb === 'discard') command.push('--yes');
    const child = spawn(program, [...stop, ...command], { env: plainEnvironment(), stdio: 'pipe' });
    t.after(() => child.kill('SIGKILL'));
    const printed = text(child.stdout);
    const [, pid] = await until(
      'the stop',
      () =>
        (existsSync(log) && /^(\d+) +--- stopped by SIGSTOP/m.exec(readFileSync(log, 'utf8'))) ?? undefined,
    );
    const stopped = nameProcess(Number(pid));
    t.after(() => isAlive(stopped) && process.kill(stopped.pid, 'SIGKILL'));
    copyFileSync(path, `${path}-other`);
    renameSync(`${path}-other`, path);
    process.kill(stopped.pid, 'SIGCONT');
    assert.equal(JSON.parse(await printed).letters[0].outcome, 'gone');
    assert.equal(await letterOf(base), path);
  });

for (const [verb, outcome] of [
  ['retry', 'retried'],
  ['discard', 'discarded'],
] as const)
  test(`${verb} tells of a letter that is ${outcome}, but not durably, that it is done, and why a power cut may undo it`, {
    skip: straceMissing,
  }, async t => {
    const base = baseOfLetter(t);
    const path = await letterOf(base);
    const inject = 'fsync:error=EIO';
    const [program, ...args] = strace({ path: join(base, 'deferred/dead'), log: '/dev/null', inject });
    const command = [process.execPath, commandLinePath, verb, '--all', '--json', '--dir', base];
    if (verb === 'discard') command.push('--yes');
    const env = plainEnvironment();
    const { status, stdout } = spawnSync(program, [...args, ...command], { env, encoding: 'utf8' });
    assert.equal(status, 1);
    const [letter] = JSON.parse(stdout).letters;
    assert.deepEqual([letter.outcome, letter.error.code], [outcome, 'DEFERRED_STATE_IO']);
    assert.match(letter.error.message, /^cannot make it durable that .* is gone: .* \(EIO\)/);
    assert.ok(!existsSync(path));
    assert.equal(letter.newPath === undefined, verb === 'discard');
    if (letter.newPath) assert.ok(existsSync(letter.newPath));
  });

test('a letter whose sweep was killed before it could say so is busy: its file still has the function', async t => {
  const { base } = await letterBesideItsFile(t);
  assert.equal((await retry({ all: true }, base)).letters[0]?.outcome, 'busy');
});

test('where the file of a letter cannot be read, retry names that file, and leaves the letter', {
  skip: straceMissing,
}, async t => {
  const { base, path, origin } = await letterBesideItsFile(t);
  const [program, ...args] = strace({ path: origin, log: '/dev/null', inject: 'openat:error=EACCES' });
  const command = [process.execPath, commandLinePath, 'retry', '--all', '--dir', base];
  const { status, stderr } = spawnSync(program, [...args, ...command], {
    env: plainEnvironment(),
    encoding: 'utf8',
  });
  assert.equal(status, 1, stderr);
  assert.ok(stderr.includes(`: cannot read ${origin}: permission denied (EACCES)`), stderr);
  assert.ok(existsSync(path));
});

/** A letter, and the state file from which it came as it was before. */
async function letterBesideItsFile(t: TestContext) {
  const base = baseOfKilledWorker(t, mendable, '{ retryDelayMs: 0 }');
  const other = freshDirectory(t);
  cpSync(base, other, { recursive: true });
  runCommandLine(['cleanup', base]);
  const path = await letterOf(base);
  const name = basename(path).replace(/-1$/, '');
  const origin = join(base, 'deferred', name);
  renameSync(join(other, 'deferred', name), origin);
  return { base, path, origin };
}

test('a dead letter that was moved among the state files is retried from there', async t => {
  const base = baseOfLetter(t);
  const path = await letterOf(base);
  renameSync(path, join(base, 'deferred', basename(path)));
  assert.equal((await retry({ all: true }, base)).letters[0]?.outcome, 'retried');
  mkdirSync(join(base, 'mended'));
  assert.equal((await sweep(base, { logger: null })).ok, 1);
});

test('retry and discard take the paths that a sweep printed, of several places at once, from anywhere', async t => {
  const bases = [copyOfLetter(t), copyOfLetter(t)];
  const paths = await Promise.all(bases.map(letterOf));
  const elsewhere = { cwd: freshDirectory(t) };
  const { status, stdout } = runCommandLine(['retry', ...paths], elsewhere);
  assert.deepEqual([status, stdout.match(/will be run by the next sweep/g)?.length], [0, 2]);
  for (const base of bases) runCommandLine(['cleanup', base]);
  const again = await letterOf(bases[0]!);
  const relative = ['discard', '--yes', `dead/${basename(again)}`];
  assert.equal(runCommandLine(relative, { cwd: join(bases[0]!, 'deferred') }).status, 0);
  assert.ok(!existsSync(again));
  await letterOf(bases[1]!);
});

test('the path of a state file means none of the dead letters that came from it', async t => {
  const { base, path, origin } = await letterBesideItsFile(t);
  const { letters } = await discard({ ids: [origin] }, base);
  assert.deepEqual(letters, [{ id: origin, outcome: 'missing' }]);
  assert.ok(existsSync(path));
});

test('an id as list prints it is taken back, whatever the name of the file is', async t => {
  const base = copyOfLetter(t);
  const dead = join(base, 'deferred', 'dead');
  const names = ['func-two\nlines', 'func-it is\u001b[2J', 'func.a.b', 'func.a.c', 'func.a.4-1'];
  for (const name of names) copyFileSync(await letterOf(copyOfLetter(t)), join(dead, name));
  const printed = (): string[] =>
    runCommandLine(['list', base])
      .stdout.split('\n')
      .flatMap(line => line.split('\t')[1] ?? []);
  for (const id of printed()) {
    assert.equal(runCommandLine(['show', id, '--dir', base]).status, 0, id);
    assert.equal(runCommandLine(['discard', '--yes', id, '--dir', base]).status, 0, id);
  }
  assert.deepEqual(printed(), []);
});

test('a dead letter that cannot be read is refused with the reason, by retry and discard', async t => {
  const base = copyOfLetter(t);
  const path = await letterOf(base);
  linkSync(path, join(base, 'second-name'));
  const [file = assert.fail('no letter')] = (await list(base)).files;
  assert.equal(file.state, 'damaged');
  for (const act of [retry, discard])
    for (const selection of [{ ids: [file.id] }, { all: true }]) {
      const { letters } = await act(selection, base);
      assert.deepEqual(
        letters.map(({ path, name, outcome, error }) => [path, name, outcome, error?.code]),
        [[path, undefined, 'refused', 'DEFERRED_UNSAFE_FILE']],
      );
    }
  const { stderr } = runCommandLine(['retry', '--all', '--dir', base]);
  assert.ok(stderr.startsWith(`deferred-sweep: ${file.id}: will not read ${path}: `), stderr);
  assert.ok(existsSync(path));
});

test('with a mount in the place of dead/, letters are written and discarded, and what cannot be done is told once, with advice', {
  skip: noMounts,
}, async t => {
  const base = baseOfKilledWorker(t, mendable, '{ retryDelayMs: 0 }');
  const dead = join(base, 'deferred', 'dead');
  mkdirSync(dead, { mode: 0o700 });
  const script = `for verb in cleanup 'retry --all --dir' 'discard --all --yes --dir'; do "$@" $verb ${base}; echo "ended with $?"; done 2>&1`;
  const line = [process.execPath, commandLinePath];
  const [program, ...args] = [
    ...withMounts(`mount -t tmpfs -o mode=700 none ${dead}`),
    'sh',
    '-c',
    script,
    'sh',
  ];
  const { stdout } = spawnSync(program!, [...args, ...line], { env: plainEnvironment(), encoding: 'utf8' });
  const lines = stdout.split('\n').filter(text => /dead|ended/.test(text));
  for (const [at, expected] of [
    /mendable: given up; dead letter /,
    /deferred: refused, cannot remove \S+\/dead: resource busy or locked \(EBUSY\); see whether something is mounted there \(findmnt\)$/,
    /^ended with 1$/,
    /mendable: cannot retry \S+\/dead\/\S+: cross-device link not permitted \(EXDEV\); have both on one file system: [^:]*$/,
    /^ended with 1$/,
    /^ended with 0$/,
  ].entries())
    assert.match(lines[at] ?? '', expected, stdout);
});

test('of a directory that cannot be read, each verb with --json prints the error as JSON', async t => {
  const base = join(freshDirectory(t), 'file');
  writeFileSync(base, '');
  for (const args of [
    ['retry', '--all'],
    ['discard', '--all', '--yes'],
    ['show', '0'],
  ]) {
    const { status, stdout, stderr } = runCommandLine([...args, '--json', '--dir', base]);
    const told = JSON.parse(stdout) as { base: string; error: { code: string } };
    assert.deepEqual([status, told.base, told.error.code], [3, base, 'DEFERRED_STATE_IO'], stderr);
  }
});

test('wrong selections are refused', async t => {
  const base = freshDirectory(t);
  await assert.rejects(retry({}, base), TypeError);
  await assert.rejects(discard({ all: true, ids: ['a'] }, base), TypeError);
});

/** System calls that change something, and some between them. */
const CALLS = [
  'openat',
  'flock',
  'write',
  'writev',
  'pwrite64',
  'fdatasync',
  'rename',
  'renameat2',
  'unlink',
  'fsync',
  'close',
];
/** The call before which the function is where it was, and behind which it is not. */
const HARD = { retry: 'rename', discard: 'unlink' } as const;

function callsOf(verb: keyof typeof HARD): ReadonlySet<string> {
  return new Set([HARD[verb], ...sample(CALLS, 1)]);
}

/** Runs the verb on a copy of `pristine` while strace tampers with a call on the letter and its directories. */
async function runTampered(
  verb: keyof typeof HARD,
  pristine: string,
  scratch: string,
  { call, what, when }: { call: string; what: string; when: number },
  log = '/dev/null',
) {
  const base = join(scratch, `${call}-${when}`);
  cpSync(pristine, base, { recursive: true, preserveTimestamps: true });
  const directory = join(base, 'deferred');
  const paths = [await letterOf(base), directory, join(directory, 'dead')];
  const args = [
    ...['-f', '-qq', '-o', log, ...paths.flatMap(path => ['-P', path])],
    ...['-e', `trace=${call}`, '-e', `inject=${call}:${what}:when=${when}`],
    ...[process.execPath, commandLinePath, verb, '--all', '--dir', base],
    ...(verb === 'discard' ? ['--yes'] : []),
  ];
  return { base, ...spawnSync('strace', args, { env: plainEnvironment(), encoding: 'utf8' }) };
}

const MOST_KILLS = 60;

for (const verb of ['retry', 'discard'] as const)
  test(`${verb}, killed at any call, leaves the function in one place, and ${verb} again ends it`, {
    skip: straceMissing,
  }, async t => {
    const pristine = copyOfLetter(t);
    const scratch = freshDirectory(t);
    let kills = 0;
    for (const call of callsOf(verb))
      for (let when = 1; ; when++) {
        const tampered = { call, what: 'signal=SIGKILL', when };
        const { base, signal, status } = await runTampered(verb, pristine, scratch, tampered);
        if (signal !== 'SIGKILL' && status !== 137) break;
        assert.ok(++kills <= MOST_KILLS);
        const { files } = await list(base);
        const where = `${call} ${when}: ${files.map(({ state }) => state).join()}`;
        assert.ok(files.length === 1 || (verb === 'discard' && files.length === 0), where);
        await (verb === 'retry' ? retry : discard)({ all: true }, base);
        if (verb === 'discard') {
          assert.deepEqual((await list(base)).files, [], where);
          continue;
        }
        assert.deepEqual(
          (await list(base)).files.map(({ state, functions }) => [state, functions[0]?.state]),
          [['orphan', 'pending']],
          where,
        );
      }
    t.diagnostic(`${kills} kills`);
    assert.ok(kills >= (!isFull ? 1 : verb === 'retry' ? 6 : 4), `${kills} kills`);
  });

const noTerminal = spawnSync('script', ['--version']).error ? 'NOT TESTED: script(1) is missing' : false;

const refusals = ['\n', '\x03', '\x04'];

for (const [answer, left] of [
  ['y\n', 1],
  ...sample(refusals, 1).map(answer => [answer, 2] as const),
] as const)
  test(`discard asked on a terminal and answered ${JSON.stringify(answer)} leaves ${left} of a letter that was shown and one that came since`, {
    skip: noTerminal,
  }, async t => {
    const base = copyOfLetter(t);
    const path = await letterOf(base);
    const command = `'${process.execPath}' '${commandLinePath}' discard --all --dir '${base}'`;
    const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
      env: plainEnvironment(),
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    t.after(() => child.kill('SIGKILL'));
    for await (const text of child.stdout.setEncoding('utf8').iterator({ destroyOnReturn: false }))
      if ((text as string).includes('remove 1 for ever?')) break;
    cpSync(path, path.replace(/-1$/, '-7'));
    child.stdin.write(answer);
    child.stdout.resume();
    // What was named is not done after a no.
    assert.deepEqual(await once(child, 'close'), [left === 2 ? 1 : 0, null]);
    assert.equal((await list(base)).files.length, left);
  });

for (const verb of ['retry', 'discard'] as const)
  test(`${verb}, any call of which fails, leaves the function in one place, says so, and ${verb} again ends it`, {
    skip: straceMissing,
  }, async t => {
    const pristine = copyOfLetter(t);
    const scratch = freshDirectory(t);
    let failures = 0;
    for (const call of callsOf(verb))
      for (let when = 1; ; when++) {
        const log = join(scratch, 'log');
        const tampered = { call, what: 'error=EIO', when };
        const { base, status, stderr } = await runTampered(verb, pristine, scratch, tampered, log);
        if (!readFileSync(log, 'utf8').includes('(INJECTED)')) break;
        assert.ok(++failures <= MOST_KILLS);
        const { files } = await list(base);
        const where = `${call} ${when}: status ${status}, ${files.map(({ state }) => state).join()}: ${stderr}`;
        assert.ok(status === 0 || status === 1 || status === 3, where);
        assert.ok(status === 0 || stderr.startsWith('deferred-sweep: '), where);
        assert.doesNotMatch(stderr, /^ {4}at /m, where);
        assert.ok(files.length === 1 || (verb === 'discard' && files.length === 0), where);
        await (verb === 'retry' ? retry : discard)({ all: true }, base);
        const after = (await list(base)).files.map(({ state, functions }) => [state, functions[0]?.state]);
        assert.deepEqual(after, verb === 'retry' ? [['orphan', 'pending']] : [], where);
      }
    t.diagnostic(`${failures} failures`);
    assert.ok(failures >= (isFull ? 4 : 1), `${failures} failures`);
  });
