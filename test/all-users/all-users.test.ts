/** Root sweeps for everybody, and gives nothing of itself away. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  constants,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { Socket } from 'node:net';
import { availableParallelism } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { text } from 'node:stream/consumers';
import { after, before, describe, type TestContext, test } from 'node:test';
import { resolveAllUsersOptions } from '#dist/all-users/options.js';
import { findPrograms } from '#dist/all-users/programs.js';
import { sweepUser } from '#dist/all-users/user-sweep.js';
import { type AllUsersOptions, type AllUsersReport, allUsers, hasUserProblems } from '#dist/index.js';
import {
  cannotMakeUsers,
  EXTRA_GROUP,
  FIRST,
  makeAccount,
  makeAccounts,
  removeAccount,
  removeAccounts,
  SECOND,
} from '../helpers/accounts.ts';
import { commandLinePath, packageRoot, runCommandLine } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { noMounts, withoutProc } from '../helpers/mount-namespace.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { isFull, sample } from '../helpers/size.ts';
import { insist, tellAgainAtOnce } from '../helpers/told-signals.ts';
import { until } from '../helpers/until.ts';
import { directoryOf, runAs } from '../helpers/users.ts';

const bounded = { timeout: 120_000 };

/** ROOT with a directory of each user's. */
function freshRoot(t: TestContext, parent?: string): string {
  const root = freshDirectory(t, parent);
  chmodSync(root, 0o755);
  for (const uid of [FIRST, SECOND]) directoryOf(join(root, String(uid)), uid, 0o700);
  return root;
}

/** A user dies with functions registered by these statements; `base` is ROOT/<uid>. */
function leaveOrphans(root: string, uid: number, body: string): void {
  const { signal, stderr } = runAs(
    { uid },
    `const base = args[0];
     const job = await new DeferredFunctionManager(base, { logger: null }).open();
     ${body}
     process.kill(process.pid, 'SIGKILL');`,
    join(root, String(uid)),
  );
  assert.equal(signal, 'SIGKILL', stderr);
}

const touch = `job.defer(async path => (await import('node:fs')).writeFileSync(path, ''), base + '/ran');`;

/** So many that the whole report is longer than what root reads. All take a minute, in memory. */
const MANY_FILES = Number(process.env.DEFERRED_TEST_MANY_FILES ?? (isFull ? 100_000 : 6000));
const IN_MEMORY = isFull && existsSync('/dev/shm') ? '/dev/shm' : undefined;

/** A function prints 100 MB. */
const printing = `job.defer(async () => {
  const { writeSync } = await import('node:fs');
  const chunk = Buffer.alloc(1e6, 'x');
  for (let n = 0; n < 50; n++)
    for (const fd of [1, 2])
      for (let at = 0; at < chunk.length; )
        try {
          at += writeSync(fd, chunk, at);
        } catch (error) {
          // The reader comes slowly.
          if (error.code !== 'EAGAIN') throw error;
        }
});`;

/** The text of a command line that prints 100 MB. */
const endless = "const chunk = 'x'.repeat(1e6); for (let n = 0; n < 100; n++) process.stdout.write(chunk)";

/** How the sweep of a user ends whose process runs this instead of the command line. */
function sweepBy(
  t: TestContext,
  uid: number,
  program: string,
  signal?: AbortSignal,
): ReturnType<typeof sweepUser> {
  const place = freshDirectory(t);
  chmodSync(place, 0o755);
  const commandLine = join(place, 'hostile.mjs');
  writeFileSync(commandLine, program, { mode: 0o644 });
  const options = resolveAllUsersOptions({ killGraceMs: 1000, signal });
  const directory = { uid, base: '/', not: undefined };
  return sweepUser({ ...findPrograms(), commandLine }, directory, 60_000, options);
}

function hasRun(root: string, uid: number): boolean {
  return existsSync(join(root, String(uid), 'ran'));
}

async function sweepAll(root: string, options: AllUsersOptions = {}): Promise<AllUsersReport> {
  return allUsers(root, { users: [FIRST, SECOND], logger: null, ...options });
}

function outcomes(report: AllUsersReport): string[] {
  return report.users.map(({ outcome }) => outcome);
}

/** The path of the program `with_key.c`, compiled. */
function compileWithKey(directory: string): string {
  const output = join(directory, 'with_key');
  const source = join(packageRoot, 'test/helpers/with_key.c');
  const { status, stderr } = spawnSync('gcc', ['-Wall', source, '-o', output], { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return output;
}

describe('root for everybody', { skip: cannotMakeUsers || notForOthers }, () => {
  before(makeAccounts);
  after(removeAccounts);

  test("each user's functions run as that user", bounded, async t => {
    const root = freshRoot(t);
    const tell = `job.defer(async path => (await import('node:fs')).writeFileSync(path, String(process.geteuid())), base + '/ran');`;
    for (const uid of [FIRST, SECOND]) leaveOrphans(root, uid, tell);
    const report = await sweepAll(root);
    assert.deepEqual(outcomes(report), ['swept', 'swept']);
    assert.deepEqual(
      report.users.map(({ sweep }) => sweep?.ok),
      [1, 1],
    );
    assert.equal(hasUserProblems(report), false);
    for (const uid of [FIRST, SECOND])
      assert.equal(readFileSync(join(root, String(uid), 'ran'), 'utf8'), String(uid));
  });

  test("a function gets nothing of root's", bounded, async t => {
    const root = freshRoot(t);
    leaveOrphans(
      root,
      FIRST,
      `process.umask(0o022);
       job.defer(async path => {
         const { readFileSync, readdirSync, readlinkSync, statSync, writeFileSync } = await import('node:fs');
         const { execFileSync } = await import('node:child_process');
         const field = (text, name) => new RegExp('^' + name + ':\\\\s*(.*?)\\\\s*$', 'm').exec(text)?.[1];
         const inner = readFileSync('/proc/self/status', 'utf8');
         const outer = execFileSync('/bin/cat', ['/proc/self/status'], { encoding: 'utf8' });
         const caps = ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb'].map(name => field(inner, name));
         const links = readdirSync('/proc/self/fd').flatMap(fd => {
           try { return [readlinkSync('/proc/self/fd/' + fd)]; } catch { return []; }
         });
         let tty = 'none';
         try { readFileSync('/dev/tty'); tty = 'some'; } catch {}
         writeFileSync(path, JSON.stringify({
           uid: field(inner, 'Uid'), gid: field(inner, 'Gid'), groups: field(inner, 'Groups').split(' ').map(Number).sort(),
           caps: [...new Set(caps)], noNewPrivileges: field(inner, 'NoNewPrivs'),
           signals: [field(outer, 'SigBlk'), field(outer, 'SigIgn')],
           isDumpable: statSync('/proc/self/status').uid === process.getuid(),
           markers: links.filter(link => link.includes('marker')), stdin: readlinkSync('/proc/self/fd/0'), tty,
           core: /core file size\\s+(\\S+)/.exec(readFileSync('/proc/self/limits', 'utf8'))[1],
           keys: /roots-secret/.test(readFileSync('/proc/keys', 'utf8')),
           names: Object.keys(process.env).sort(), home: process.env.HOME,
         }));
       }, base + '/given');`,
    );
    const directory = freshDirectory(t);
    const marker = join(directory, 'marker');
    // Root's session has a key; every process of that session may read it.
    const withKey = compileWithKey(directory);
    const { status, stderr } = spawnSync(
      '/bin/bash',
      [
        '--norc',
        '-c',
        `trap '' HUP INT TERM USR1 PIPE; touch ${marker}; exec 9<${marker} 300<${marker}; exec ${withKey} roots-secret "$@"`,
        'bash',
        process.execPath,
        commandLinePath,
        ...['sweep', '--all-users', root, '--user', String(FIRST)],
      ],
      { env: { ...process.env, ROOTS: 'secret', NODE_OPTIONS: '--no-warnings' }, encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    const given = JSON.parse(readFileSync(join(root, String(FIRST), 'given'), 'utf8'));
    const four = (id: number): string => Array(4).fill(id).join('\t');
    assert.deepEqual(given, {
      uid: four(FIRST),
      gid: four(FIRST),
      groups: [FIRST, EXTRA_GROUP],
      caps: ['0000000000000000'],
      noNewPrivileges: '1',
      signals: ['0000000000000000', '0000000000000000'],
      isDumpable: true,
      markers: [],
      stdin: '/dev/null',
      tty: 'none',
      core: '0',
      keys: false,
      names: ['DEFERRED_SWEEP_INSIDE', 'HOME', 'LANG', 'LOGNAME', 'PATH', 'SHELL', 'USER'],
      home: '/home/dsweep-first',
    });
  });

  test('privileges may be gained where the caller says so, and only there', bounded, async t => {
    const root = freshRoot(t);
    const tell = `job.defer(async path => {
      const fs = await import('node:fs');
      fs.writeFileSync(path, /^NoNewPrivs:\\s*(\\d)/m.exec(fs.readFileSync('/proc/self/status', 'utf8'))[1]);
    }, base + '/ran');`;
    leaveOrphans(root, FIRST, tell);
    await sweepAll(root, { users: [FIRST], mayGainPrivileges: true });
    assert.equal(readFileSync(join(root, String(FIRST), 'ran'), 'utf8'), '0');
  });

  test(
    'a user whose function hangs is ended in its time with all that it started, told of, and keeps no other from its sweep',
    bounded,
    async t => {
      const root = freshRoot(t);
      leaveOrphans(
        root,
        FIRST,
        `job.defer(async path => {
         const { spawn } = await import('node:child_process');
         const held = (await import('node:fs')).openSync(path, 'w');
         const child = ['-c', 'echo begun; exec /bin/sleep 300'];
         spawn('/bin/sh', child, { detached: true, stdio: ['ignore', held, 'ignore'] });
         Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
       }, base + '/life');`,
      );
      const life = join(root, String(FIRST), 'life');
      assert.equal(spawnSync('mkfifo', ['--mode=666', life]).status, 0);
      // A function can open it for writing only while it is open for reading.
      const fd = openSync(life, constants.O_RDONLY | constants.O_NONBLOCK);

      leaveOrphans(root, SECOND, touch);
      const report = await sweepAll(root, { userTimeoutMs: 5000, killGraceMs: 200 });
      assert.deepEqual(outcomes(report), ['timed-out', 'swept']);
      assert.ok(hasRun(root, SECOND));
      // The kernel closes the last writer's end when the function and its child have ended.
      const reader = new Socket({ fd, readable: true, writable: false });
      assert.equal(await text(addAbortSignal(AbortSignal.timeout(30_000), reader)), 'begun\n');
      assert.ok(report.ms < 30_000, `${report.ms} ms`);
    },
  );

  test("a user's process that does not end of SIGTERM is killed", bounded, async t => {
    const ready = join(directoryOf(join(freshRoot(t), 'own'), FIRST, 0o700), 'ready');
    const deaf = `import { writeFileSync } from 'node:fs';
      process.on('SIGTERM', () => {});
      setInterval(() => {}, 1e6);
      writeFileSync(${JSON.stringify(ready)}, '');`;
    const stop = new AbortController();
    const sweeping = sweepBy(t, FIRST, deaf, stop.signal);
    await until('the handler', () => existsSync(ready));
    stop.abort();
    const { outcome, reason, survivors } = await sweeping;
    assert.deepEqual([outcome, survivors], ['timed-out', undefined]);
    assert.match(reason!, /was killed by SIGKILL$/);
  });

  test(
    'whatever a user makes of the report is bounded, and taken for numbers or for nothing',
    bounded,
    async t => {
      const counts = {
        ok: 1,
        failed: 0,
        pending: 0,
        live: 0,
        held: 0,
        sweeping: 0,
        files: 1,
        isComplete: true,
      };
      const print = (value: unknown): string => `console.log(${JSON.stringify(JSON.stringify(value))})`;
      const cases: readonly [string, RegExp | undefined][] = [
        [endless, /is longer than/],
        ["console.log('['.repeat(1_000_000))", /cannot be read/],
        [print({ ...counts, ok: -1 }), /cannot be read/],
        [print({ ...counts, ok: '\u001b[2J' }), /cannot be read/],
        [print(null), /cannot be read/],
        [`${print(counts)}; ${print(counts)}`, /cannot be read/],
        [print({ ...counts, files: ['\u001b[2J'] }), /cannot be read/],
        [print({ ...counts, __proto__: null, more: 'x' }), undefined],
      ];
      for (const [program, reason] of sample(cases, 4)) {
        const { survivors, printed, ...end } = await sweepBy(t, FIRST, program);
        assert.deepEqual([end.outcome, survivors, printed], ['swept', undefined, ''], program);
        if (reason === undefined) assert.deepEqual(end.sweep, counts);
        else {
          assert.equal(end.sweep, undefined, program);
          assert.match(end.reason ?? '', reason);
        }
      }
    },
  );

  test('many files and a report without end, of two users, take neither the numbers nor the cleanup of each other', {
    timeout: 900_000,
  }, async t => {
    const root = freshRoot(t, IN_MEMORY);
    leaveOrphans(root, FIRST, touch);
    const made = runAs(
      { uid: FIRST },
      `for (let n = 0; n < ${MANY_FILES}; n++) fs.writeFileSync(args[0] + '/deferred/func' + n, 'damage', { mode: 0o600 });`,
      join(root, String(FIRST)),
    );
    assert.equal(made.status, 0, made.stderr);
    leaveOrphans(root, SECOND, `${touch}\n${printing}`);
    const [{ users }, hostile] = await Promise.all([
      sweepAll(root, { userTimeoutMs: 600_000 }),
      sweepBy(t, SECOND, endless),
    ]);
    assert.match(hostile.reason ?? '', /is longer than/);
    const told = users.map(({ sweep, reason }) => sweep ?? assert.fail(reason));
    assert.deepEqual(
      told.map(({ ok, files, isComplete }) => ({ ok, files, isComplete })),
      [
        { ok: 1, files: MANY_FILES + 1, isComplete: true },
        { ok: 2, files: 1, isComplete: true },
      ],
    );
    for (const uid of [FIRST, SECOND]) assert.ok(hasRun(root, uid), String(uid));
  });

  test('a user whose time is over keeps the numbers of what was done until then', bounded, async t => {
    const root = freshRoot(t);
    const wait = `job.defer(() => new Promise(resolve => setTimeout(resolve, 600_000)));`;
    leaveOrphans(root, FIRST, `${touch}\n${wait}\n${touch}`);
    const report = await sweepAll(root, { users: [FIRST], userTimeoutMs: 8000, killGraceMs: 10_000 });
    assert.deepEqual(outcomes(report), ['timed-out']);
    const { ok, isComplete } = report.users[0]?.sweep ?? assert.fail('no numbers');
    assert.deepEqual([ok, isComplete], [1, false]);
  });

  test("a directory that is not its user's alone is refused, and nothing is started", bounded, async t => {
    const attacks: Record<string, (path: string, other: string) => void> = {
      'of another user': path => directoryOf(path, SECOND, 0o700),
      'open to others': path => directoryOf(path, FIRST, 0o755),
      "a link to another user's": (path, other) => {
        renameSync(path, `${path}-away`);
        symlinkSync(other, path);
      },
    };
    for (const [what, attack] of Object.entries(attacks)) {
      const root = freshRoot(t);
      leaveOrphans(root, SECOND, touch);
      attack(join(root, String(FIRST)), join(root, String(SECOND)));
      const report = await sweepAll(root, { users: [FIRST] });
      assert.deepEqual(outcomes(report), ['refused'], what);
      assert.equal(hasUserProblems(report), true);
      assert.equal(hasRun(root, SECOND), false);
    }
  });

  test('ROOT that another user can change is refused', bounded, async t => {
    const attacks: Record<string, (root: string) => void> = {
      'writable by all': root => chmodSync(root, 0o1777),
      'of a user': root => directoryOf(root, FIRST, 0o755),
    };
    for (const [what, attack] of Object.entries(attacks)) {
      const root = freshRoot(t);
      attack(root);
      await assert.rejects(sweepAll(root), { code: 'DEFERRED_UNSAFE_DIRECTORY' }, what);
    }
    await assert.rejects(sweepAll(join(freshRoot(t), 'missing')), { code: 'DEFERRED_UNSAFE_DIRECTORY' });
  });

  test('numbers that no ordinary user has are skipped with a line, and are no failure', bounded, t => {
    const root = freshRoot(t);
    for (const name of ['0', '65534', '999', '61000', '51003', 'notes'])
      mkdirSync(join(root, name), { mode: 0o700 });
    directoryOf(join(root, '51003'), 51_003, 0o700);
    const { status, stdout, stderr } = runCommandLine(['sweep', '--all-users', root]);
    // Each is told once: the report says it all.
    assert.deepEqual([status, stderr], [0, '']);
    const lines = stdout
      .trim()
      .split('\n')
      .map(line => line.slice(root.length + 1).replace(/,.*| in UID.*/, ''));
    assert.deepEqual(lines, [
      '0: skipped: it is root',
      '999: skipped: it is not',
      '51001: swept',
      '51002: swept',
      '51003: skipped: no user has this number',
      '61000: skipped: it is not',
      '65534: skipped: it is the number of all users without one',
    ]);
  });

  test(
    '--quiet says nothing where all went well, not of numbers that are skipped or what functions print',
    bounded,
    t => {
      const root = freshRoot(t);
      mkdirSync(join(root, '999'), { mode: 0o700 });
      leaveOrphans(root, FIRST, `job.defer(() => console.error('hello'));`);
      const all = ['sweep', '--quiet', '--all-users', root];
      const { status, stdout, stderr } = runCommandLine(all);
      assert.deepEqual([status, stdout, stderr], [0, '', '']);
      leaveOrphans(root, FIRST, `job.defer(() => { console.error('hello'); throw new Error('no'); });`);
      const failed = runCommandLine(all);
      assert.deepEqual([failed.status, /says: .*hello/.test(failed.stderr)], [1, true]);
    },
  );

  test('with --quiet the warnings so far are told at the first signal, before a second one ends the sweep', {
    ...bounded,
    skip: availableParallelism() < 2 && 'NOT TESTED: one processor, so one user after the other',
  }, async t => {
    const root = freshRoot(t);
    leaveOrphans(
      root,
      FIRST,
      `job.defer(() => { console.error('hello'); throw new Error('no'); }); ${touch}`,
    );
    // One function: no other would begin after a signal.
    const touchAndHang = `job.defer(async path => {
      (await import('node:fs')).writeFileSync(path, '');
      await new Promise(resolve => setTimeout(resolve, 50_000));
    }, base + '/ran');`;
    leaveOrphans(root, SECOND, touchAndHang);
    const args = [commandLinePath, 'sweep', '--quiet', '--grace', '60s', '--all-users', root];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    t.after(() => child.kill('SIGKILL'));
    const exited = once(child, 'exit');
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', chunk => (stderr += chunk));
    await until('both functions', () => hasRun(root, FIRST) && hasRun(root, SECOND));
    tellAgainAtOnce(child.pid!, 'SIGINT');
    await until('the warning', () => /says: .*hello/.test(stderr), 20_000);
    await insist(child, 'SIGINT');
    assert.deepEqual(await exited, [null, 'SIGINT']);
  });

  test('a user whom root named is swept whatever the number; one that cannot be is a failure', bounded, t => {
    const [name, uid] = ['dsweep-sssd', 661_001];
    makeAccount(name, uid);
    t.after(() => removeAccount(name));
    const root = freshRoot(t);
    directoryOf(join(root, String(uid)), uid, 0o700);
    leaveOrphans(root, uid, touch);
    const all = ['sweep', '--all-users', root];
    assert.equal(runCommandLine(all).status, 0);
    const empty = freshDirectory(t);
    chmodSync(empty, 0o755);
    assert.deepEqual(
      [
        runCommandLine(['sweep', '--all-users', empty]),
        runCommandLine(['sweep', '--all-users', '--quiet', empty]),
      ].map(({ status, stdout }) => [status, stdout]),
      [
        [0, `${empty}: no directory has the number of a user\n`],
        [0, ''],
      ],
    );
    assert.equal(hasRun(root, uid), false, 'not by itself');
    const named = runCommandLine([...all, '--user', String(uid)]);
    assert.equal(named.status, 0, named.stderr);
    assert.ok(hasRun(root, uid));
    directoryOf(join(root, '51003'), 51_003, 0o700);
    for (const other of ['0', '65534', '51003']) {
      const { status, stdout } = runCommandLine([...all, '--user', other]);
      assert.equal(status, 1, other);
      assert.match(stdout, new RegExp(`/${other}: refused: (it is root|it is the number|no user)`));
    }
  });

  test('a logger that throws keeps no user from its report', bounded, async t => {
    const root = freshRoot(t);
    mkdirSync(join(root, '999'), { mode: 0o700 });
    leaveOrphans(root, FIRST, touch);
    const warn = (): void => {
      throw new Error('no logger today');
    };
    const report = await sweepAll(root, { users: [999, FIRST, SECOND], logger: { info() {}, warn } });
    assert.deepEqual(outcomes(report), ['refused', 'swept', 'swept']);
    assert.ok(hasRun(root, FIRST));
  });

  test("root refuses to sweep a user's directory itself, and the message names the flag", bounded, t => {
    const root = freshRoot(t);
    leaveOrphans(root, FIRST, touch);
    const { status, stderr } = runCommandLine([join(root, String(FIRST))]);
    assert.equal(status, 3);
    assert.match(stderr, /--all-users/);
    assert.equal(hasRun(root, FIRST), false);
  });

  test("--user-timeout is the limit of each user's sweep", bounded, t => {
    const root = freshRoot(t);
    leaveOrphans(root, FIRST, 'job.defer(() => new Promise(() => setInterval(() => {}, 1e6)));');
    const all = ['sweep', '--all-users', root, '--grace', '200ms', '--user-timeout'];
    const { status, stdout } = runCommandLine([...all, '2s']);
    assert.equal(status, 1);
    assert.match(stdout, new RegExp(`/${FIRST}: (timed-out|failed).*\\n.*/${SECOND}: swept`));
    assert.equal(runCommandLine([...all, '0']).status, 2);
  });

  test('after the time for all, users whose turn it was not are named', bounded, async t => {
    const root = freshRoot(t);
    for (const uid of [FIRST, SECOND]) leaveOrphans(root, uid, touch);
    const report = await sweepAll(root, { signal: AbortSignal.abort() });
    assert.deepEqual(outcomes(report), ['not-begun', 'not-begun']);
  });
});

test('where Node was found by PATH and /proc is missing nothing is swept for all users, and what to do is said', {
  skip: noMounts,
}, t => {
  const [program, ...args] = [...withoutProc, basename(process.execPath), commandLinePath];
  const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH}` };
  const all = ['sweep', '--all-users', freshDirectory(t)];
  const { status, stdout, stderr } = spawnSync(program!, [...args, ...all], { env, encoding: 'utf8' });
  assert.deepEqual([status, stdout], [3, '']);
  assert.match(stderr, /^deferred-sweep: cannot sweep for all users: [^:]*; mount \/proc\n$/);
});

test('a wrong option is named', async () => {
  const wrong: readonly [object, RegExp][] = [
    [{ users: ['1'] }, /"users"/],
    [{ userTimeoutMs: -1 }, /"userTimeoutMs"/],
    [{ mayGainPrivileges: 1 }, /"mayGainPrivileges"/],
    [{ usres: [] }, /"usres"/],
    [{ logger: {} }, /"logger"/],
  ];
  for (const [options, message] of wrong) await assert.rejects(allUsers('/', options), { message });
});
