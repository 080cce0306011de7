/** What a newcomer reads in the first five minutes: what happened, to what, why, what to do, none of it twice. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  cpSync,
  mkdirSync,
  openSync,
  promises,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { DeferredFunctionManager, discard, list, retry, show, sweep, watch } from '#dist/index.js';
import { reportError } from '#dist/report/reported-error.js';
import { stateIo } from '#dist/state/file-io.js';
import { systemReason } from '#dist/state/system-reason.js';
import { packageRoot, plainEnvironment, runCommandLine } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

/** The message of what a step throws. */
async function messageOf(step: () => unknown): Promise<string> {
  try {
    await step();
  } catch (error) {
    return (error as Error).message;
  }
  return assert.fail('nothing was thrown');
}

/** None twice: neither the path nor the code. */
function assertSaidOnce(message: string, ...words: string[]): void {
  for (const word of words) assert.equal(message.split(word).length - 1, 1, `"${word}" once in: ${message}`);
}

test('a base that is a file, or below one, is told as such, once', async t => {
  const file = join(freshDirectory(t), 'file');
  writeFileSync(file, '');
  for (const base of [file, join(file, 'below')]) {
    const message = await messageOf(() => new DeferredFunctionManager(base).open());
    assertSaidOnce(message, file, 'ENOTDIR', 'not a directory (');
    assert.match(message, /^cannot .*; name a directory/);
  }
});

test('a directory that others can write to is told with its mode and with what to do', async t => {
  const base = freshDirectory(t);
  chmodSync(base, 0o777);
  const message = await messageOf(() => new DeferredFunctionManager(base).open());
  assert.match(message, /^cannot use the state directory .*\(mode 0777\); make it sticky \(chmod \+t /);
});

test('a place where nothing may be made is told with the code and the directory', async () => {
  const message = await messageOf(() => new DeferredFunctionManager('/sys/deferred-sweep').open());
  assert.match(message, /^cannot make the directory \/sys\/deferred-sweep: .* \(E[A-Z]+\)/);
  assertSaidOnce(message, '/sys/deferred-sweep');
});

for (const [code, errno, expected] of [
  ['EACCES', -13, 'permission denied (EACCES); use a directory that belongs to this user'],
  ['EBUSY', -16, 'resource busy or locked (EBUSY); see whether something is mounted there (findmnt)'],
  [
    'EPERM',
    -1,
    'operation not permitted (EPERM); see who owns it, and whether it or its directory is immutable',
  ],
  ['EXDEV', -18, 'cross-device link not permitted (EXDEV); have both on one file system'],
  ['ENOSPC', -28, 'no space left on device (ENOSPC); free space or inodes there'],
  ['EROFS', -30, 'read-only file system (EROFS); see why (findmnt, dmesg), or use a directory on'],
] as const)
  test(`${code} is told in words, with the code once and what to do`, () => {
    const error = Object.assign(new Error(`${code}: words, open '/a/path'`), {
      code,
      errno,
      syscall: 'open',
    });
    const message = systemReason(error);
    assert.ok(message.startsWith(expected), message);
    assertSaidOnce(message, code);
    assert.doesNotMatch(message, /\/a\/path/);
  });

test('a report tells what the system said once, and of another path, too', t => {
  const path = join(freshDirectory(t), 'file');
  const said = (opened: string | undefined): string => {
    try {
      return stateIo(`read ${path}`, path, () =>
        String(opened === undefined ? closeSync(99_999) : openSync(opened, 'r')),
      );
    } catch (error) {
      return reportError(error).message;
    }
  };
  assert.equal(said(path), `cannot read ${path}: no such file or directory (ENOENT)`);
  // As it is before it has its name.
  assert.equal(said(`${path}.tmp`), said(path));
  assert.equal(said(undefined), `cannot read ${path}: bad file descriptor (EBADF)`);
  assert.match(said('/no-such-file'), /\(ENOENT\): ENOENT: .*, open '\/no-such-file'$/);
});

test('an option that is misspelled is told with the one that is meant, in JavaScript, too', async t => {
  const base = freshDirectory(t);
  const manager = new DeferredFunctionManager(base);
  const misspelled: [() => unknown, string][] = [
    [() => new DeferredFunctionManager(base, { maxAttempt: 2 } as never), 'maxAttempts'],
    [() => manager.open({ sweeep: 'none' } as never), 'sweep'],
    [() => sweep(base, { deadline: 2 } as never), 'deadlineMs'],
  ];
  for (const [step, meant] of misspelled)
    assert.match(await messageOf(step), new RegExp(`^option "\\w+" is unknown; did you mean "${meant}"\\?$`));
});

test('an empty path, as of an unset variable, is refused and never taken for the working directory', async () => {
  const steps: readonly (() => unknown)[] = [
    () => new DeferredFunctionManager(''),
    () => DeferredFunctionManager.cleanupWorker(''),
    () => sweep(''),
    () => watch('', { signal: AbortSignal.abort() }),
    () => list(''),
    () => show('0723eb', ''),
    () => retry({ all: true }, ''),
    () => discard({ all: true }, ''),
  ];
  for (const step of steps)
    assert.equal(
      await messageOf(async () => await step()),
      '"stateDirBase" must be the path of a directory, got ""',
    );
});

test('a path that no file can have is refused, and never made another one', async () => {
  for (const base of ['/tmp/\ud800', '/tmp/\udc00x'])
    assert.equal(
      await messageOf(() => new DeferredFunctionManager(base).open()),
      `"stateDirBase" must be the path of a directory, got ${JSON.stringify(base)}`,
    );
});

test('names of variables are those of an environment, and what an object has besides is not set', async t => {
  const base = freshDirectory(t);
  assert.equal(
    await messageOf(() => new DeferredFunctionManager(base, { env: ['__proto__'] })),
    'option "env" must hold names of variables, got "__proto__"',
  );
  const job = await new DeferredFunctionManager(base, { env: ['constructor', 'toString'] }).open();
  job.defer(String, '');
  assert.equal((await job.close()).ok, 1);
});

test('whatever an option has for a value, the message names the option and what came', async t => {
  const base = freshDirectory(t);
  const wrong: readonly (readonly [object, string])[] = [
    [{ lock: Object.create(null) }, `option "lock" must be 'flock' or 'ofd', got an object`],
    [{ timeoutMs: () => 1 }, 'option "timeoutMs" must be a number of milliseconds, got a function'],
    [{ onlyLabel: ['a'] }, 'option "onlyLabel" must be a string, got an array'],
    [{ label: 7 }, 'option "label" must be a string that UTF-8 can hold, got 7'],
    [{ onFailure: null }, 'option "onFailure" must be a function, got null'],
    [{ env: 'HOME' }, 'option "env" must be an array of names of variables, got "HOME"'],
    [{ env: [Symbol('HOME')] }, 'option "env" must hold names of variables, got Symbol(HOME)'],
    [{ trustedPaths: '/a' }, 'option "trustedPaths" must be an array of paths, got "/a"'],
    [{ trustedPaths: ['/a', ''] }, 'option "trustedPaths" must be an array of paths, got one with ""'],
    [{ trustedGroups: [-1] }, 'option "trustedGroups" must be an array of group ids, got one with -1'],
    [{ logger: {} }, 'option "logger" must have the methods info and warn, or be null'],
  ];
  for (const [options, message] of wrong)
    assert.equal(await messageOf(() => new DeferredFunctionManager(base, options)), message);
});

test('what is called with a wrong value tells which, and what would be right', async t => {
  const base = freshDirectory(t);
  assert.equal(
    await messageOf(() => new DeferredFunctionManager(base).run(undefined as never)),
    '"body" must be a function, got undefined',
  );
  assert.equal(
    await messageOf(() => retry(base as never)),
    `"selection" must be an object, got ${JSON.stringify(base)}`,
  );
  assert.equal(
    await messageOf(() => show({} as never, base)),
    '"idOrPath" must be an id or the path of a file, got an object',
  );
  assert.match(
    await messageOf(() => list(base, { states: ['dad'] as never })),
    /^option "states" must have some of live, .*, got "dad"$/,
  );
});

test('an argument that is refused is told with the function, its place, what it is and what to pass', async t => {
  const job = await new DeferredFunctionManager(freshDirectory(t)).open();
  const socket = connect({ port: 9, host: '127.0.0.1' }).on('error', () => {});
  t.after(() => socket.destroy());
  assert.equal(
    await messageOf(() => job.defer(promises.rm, new URL('file:///a') as never)),
    'cannot defer the function rm: cannot store args[0]: it is an instance of URL; pass fileURLToPath(value) where a path ' +
      'is meant, and its href where a URL is',
  );
  const end = function end(_options: unknown): void {};
  assert.match(
    await messageOf(() => job.defer(end, { socket })),
    /^cannot defer the function end: cannot store args\[0\]\.socket: it is an instance of Socket; it lives in this process/,
  );
  await job.close();
});

test('a package without its addon says for which platform, where it looked, and the command that compiles it', t => {
  const copy = freshDirectory(t);
  cpSync(join(packageRoot, 'dist'), join(copy, 'dist'), { recursive: true });
  cpSync(join(packageRoot, 'package.json'), join(copy, 'package.json'));
  symlinkSync(join(packageRoot, 'node_modules'), join(copy, 'node_modules'));
  const program = `
    const { DeferredFunctionManager } = await import('${copy}/dist/index.js');
    await new DeferredFunctionManager('state').open();`;
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: copy,
    env: plainEnvironment(),
    encoding: 'utf8',
  });
  assert.equal(status, 1);
  const platform = `${process.platform}-${process.arch}`;
  assert.match(
    stderr,
    new RegExp(`cannot load the native addon for ${platform} .*Node ${process.versions.node}`),
  );
  assert.match(stderr, /to compile it for this machine, run: node .*\/native\/build\.mjs/);
});

test('a job that was not closed, and in which nothing is left, is no crash in the next report', t => {
  const directory = freshDirectory(t);
  mkdirSync(join(directory, 'state'), { mode: 0o700 });
  const program = `
    import { DeferredFunctionManager } from '${packageRoot}/dist/index.js';
    await new DeferredFunctionManager('state').open();`;
  const env = plainEnvironment();
  const ended = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    cwd: directory,
    env,
    encoding: 'utf8',
  });
  assert.deepEqual([ended.status, ended.stderr], [0, '']);
  const { status, stdout } = runCommandLine(['sweep', 'state'], { cwd: directory });
  assert.equal(status, 0);
  assert.match(stdout, /^\S+ of pid \d+ on \S+: removed, nothing was left to do\n\S+: 0 done, 0 failed/);
});
