import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import type { SweepReport } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import {
  baseOfKilledWorker,
  commandLinePath,
  plainEnvironment,
  runCommandLine,
} from '../helpers/command-line.ts';
import { makeGate } from '../helpers/gate.ts';
import { childrenOf } from '../helpers/process-life.ts';
import { isFull, sample } from '../helpers/size.ts';
import { attachStrace, straceMissing } from '../helpers/strace.ts';
import { insist, tellAgainAtOnce } from '../helpers/told-signals.ts';
import { until } from '../helpers/until.ts';
import { ALICE, directoryOf, leaveOrphanAs, notRoot } from '../helpers/users.ts';
import { freshPlace, leaveOrphan, startWorker, sweepElsewhere } from '../helpers/worker.ts';

const skip = process.platform === 'linux' ? false : 'NOT TESTED: there is no inotify here';

interface Watcher {
  readonly process: ChildProcess;
  readonly stdout: () => string;
  readonly stderr: () => string;
  readonly exited: Promise<[number | null, NodeJS.Signals | null]>;
}

/** A base, and the directory above that its user may not enter. */
interface Closed {
  readonly above: string;
  readonly base: string;
}

/** `watch`, watching: its service manager, a program in Python, has heard of that. */
async function startWatch(
  t: TestContext,
  args: readonly string[],
  under: readonly string[] = [],
  uid?: number,
): Promise<Watcher & { told: () => string }> {
  const { root } = freshPlace(t);
  const socket = join(root, 'notify');
  const manager = spawn('python3', ['-u', '-c', SERVICE_MANAGER, socket], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => manager.kill('SIGKILL'));
  const lines = createInterface({ input: manager.stdout });
  let told = '';
  lines.on('line', line => (told += `${line}\n`));
  const says = (text: string) => until(`word of ${text}`, () => told.includes(text), HANG_MS);
  await says('bound');
  if (uid !== undefined) {
    chmodSync(root, 0o711);
    chmodSync(socket, 0o777);
  }
  const poll = args.includes('--poll') ? [] : ['--poll', '24h'];
  const [program, ...before] = [...under, process.execPath];
  const child = spawn(program!, [...before, commandLinePath, 'watch', ...poll, ...args], {
    env: { ...plainEnvironment(), NOTIFY_SOCKET: socket },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(uid !== undefined && { uid, gid: uid }),
  });
  t.after(() => child.kill('SIGKILL'));
  const exited = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>;
  let [stdout, stderr] = ['', ''];
  child.stdout!.setEncoding('utf8').on('data', text => (stdout += text));
  child.stderr!.setEncoding('utf8').on('data', text => (stderr += text));
  await Promise.race([
    says('READY=1'),
    exited.then(ended => assert.fail(`watch has ended: ${ended} ${stderr}`)),
  ]);
  return { process: child, stdout: () => stdout, stderr: () => stderr, exited, told: () => told };
}

const SERVICE_MANAGER = `
import socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print('bound')
while True: print(s.recv(4096).decode().replace(chr(10), ' '))`;

/** No answer for this long means a hang, not a slow machine. */
const HANG_MS = 60_000;

const holds = (what: () => boolean): Promise<true> => until(`${what}`, what, HANG_MS);

const append = (text: string) => ({ do: 'append', text }) as const;

test('a service manager is told when it watches and when it stops, and functions cannot speak to it', {
  skip,
}, async t => {
  const { base, ledger } = freshPlace(t);
  const watcher = await startWatch(t, ['--json', base, join(base, 'not', 'yet')]);
  assert.match(watcher.told(), /READY=1 STATUS=Watching 2 of 2/);
  await leaveOrphan(t, {
    base,
    ledger,
    calls: [{ do: 'environment', text: 'socket', variable: 'NOTIFY_SOCKET' }],
  });
  await holds(() => watcher.stdout().endsWith('\n'));
  watcher.process.kill('SIGTERM');
  assert.deepEqual(await watcher.exited, [0, null]);
  await holds(() => watcher.told().includes('STOPPING=1'));
  assert.deepEqual(read(ledger), ['socket undefined']);
  const reports = watcher
    .stdout()
    .trimEnd()
    .split('\n')
    .map(line => JSON.parse(line) as SweepReport);
  assert.deepEqual(
    reports.map(({ directory, ok }) => [directory, ok]),
    [[join(base, 'deferred'), 1]],
  );
  assert.match(watcher.stderr(), /waiting for .*not\/yet: .* does not exist/);
});

test('SIGTERM, however often it is told at once, lets the function in progress finish; a second signal ends it at once, and nothing is lost', {
  skip,
}, async t => {
  for (const second of [undefined, ...sample(['SIGTERM', 'SIGINT'] as const, 1)]) {
    const { base, ledger, root } = freshPlace(t);
    const fifo = makeGate(root);
    const watcher = await startWatch(t, [base]);
    const calls = [{ do: 'wait-for-fifo', text: 'long', fifo } as const, append('next')];
    await leaveOrphan(t, { base, ledger, calls });
    await holds(() => read(ledger).includes('long'));
    tellAgainAtOnce(watcher.process.pid!, 'SIGTERM');
    await holds(() => watcher.told().includes('STOPPING=1'));
    if (second !== undefined) {
      if (second === 'SIGTERM') await insist(watcher.process, second);
      else watcher.process.kill(second);
      assert.deepEqual(await watcher.exited, [null, second]);
    }
    writeFileSync(fifo, '');
    if (second === undefined) assert.deepEqual(await watcher.exited, [0, null]);
    await holds(() => read(ledger).includes('long-end'));
    const report = await sweepElsewhere(t, { verb: 'sweep', base, options: { waitMs: 30_000 } });
    assert.equal(report.pending, 0, JSON.stringify(report));
    assert.deepEqual(read(ledger), ['long', 'long-end', 'next']);
  }
});

test('a watch with nothing to do under timeout(1), which sends what it gets twice, ends with 0', {
  skip: spawnSync('timeout', ['--version']).error ? 'NOT TESTED: timeout(1) is missing' : skip,
}, async t => {
  for (let times = 0; times < (isFull ? 5 : 2); times++) {
    const watcher = await startWatch(t, [freshPlace(t).base], ['timeout', '--preserve-status', '60']);
    watcher.process.kill('SIGTERM');
    assert.deepEqual(await watcher.exited, [0, null]);
  }
});

const mayUnshare = spawnSync('unshare', ['-pf', '--mount-proc', 'true']).status === 0;

test('as pid 1 of a container the second signal ends it, too', {
  skip: mayUnshare ? false : 'NOT TESTED: unshare(1) may not make a PID namespace here',
}, async t => {
  const { base, ledger, root } = freshPlace(t);
  const fifo = makeGate(root);
  const watcher = await startWatch(t, [base], ['unshare', '-pf', '--mount-proc']);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'wait-for-fifo', text: 'long', fifo }] });
  await holds(() => read(ledger).includes('long'));
  const [pid = assert.fail('no pid 1')] = childrenOf(watcher.process.pid!);
  tellAgainAtOnce(pid, 'SIGTERM');
  await holds(() => watcher.told().includes('STOPPING=1'));
  await insist(watcher.process, 'SIGTERM', pid);
  assert.deepEqual(await watcher.exited, [128 + 15, null]);
});

test('no death is missed while it is stopped and the queue of events overflows', { skip }, async t => {
  const { base, ledger, directory } = freshPlace(t);
  const watcher = await startWatch(t, [base]);
  const { child } = await startWorker(t, { base, ledger, calls: [append('missed')] });
  // Its directory is watched: this one was run.
  await leaveOrphan(t, { base, ledger, calls: [append('first')] });
  await holds(() => read(ledger).includes('first'));
  watcher.process.kill('SIGSTOP');
  const most = Number(readFileSync('/proc/sys/fs/inotify/max_queued_events', 'utf8'));
  // Different names: equal events in a row are one.
  for (let count = 0; count <= most; count++) closeSync(openSync(join(directory, `${count % 2}`), 'w'));
  await child.kill();
  watcher.process.kill('SIGCONT');
  await holds(() => read(ledger).includes('missed'));
  watcher.process.kill('SIGTERM');
  assert.deepEqual(await watcher.exited, [0, null]);
});

/** System calls of three seconds. */
const MOST_IDLE = 60;

test('with nothing to do it does nothing, beside files that live, wait or are refused', {
  skip: skip || straceMissing,
}, async t => {
  const { base, ledger, directory } = freshPlace(t);
  const watcher = await startWatch(t, [base]);
  await startWorker(t, { base, ledger, calls: [append('live')] });
  const refused = await leaveOrphan(t, { base, ledger, calls: [append('moved')] });
  await holds(() => read(ledger).includes('moved'));
  await holds(() => !existsSync(refused));
  const waiting = { do: 'throw', text: 'waits', message: 'for an hour' } as const;
  await leaveOrphan(t, { base, ledger, calls: [waiting], options: { retryDelayMs: 3_600_000 } });
  writeFileSync(join(directory, 'func-for-all'), 'text');
  chmodSync(join(directory, 'func-for-all'), 0o644);
  await holds(() => watcher.stdout().includes('func-for-all') && read(ledger).includes('waits'));
  const calls: string[] = [];
  const tracing = await attachStrace(
    watcher.process.pid!,
    ['-f', '-e', 'trace=openat,statx,newfstatat,flock,read,clone,clone3,vfork'],
    line => calls.push(line),
  );
  // What is measured is a time: three seconds, of which a busy loop would fill each moment. A refused file is looked at
  // after 1, 2, 4 … seconds, and a death that comes now is followed at once.
  // The runner that is kept ready may have to be started in the first of them.
  let idle = MOST_IDLE;
  for (let tries = 0; tries < 3 && idle >= MOST_IDLE; tries++) {
    calls.length = 0;
    await new Promise(resolve => setTimeout(resolve, 3000));
    idle = calls.filter(line => !/resumed|read\(\d+, "\\1/.test(line)).length;
  }
  await leaveOrphan(t, { base, ledger, calls: [append('last')] });
  await holds(() => read(ledger).includes('last'));
  watcher.process.kill('SIGTERM');
  await watcher.exited;
  await tracing.ended;
  assert.ok(idle < MOST_IDLE, calls.slice(0, 100).join('\n'));
  assert.ok(calls.length > idle);
});

test('one directory that cannot be watched keeps it from none of the others; it ends with 3', {
  skip,
}, async t => {
  const bad = freshPlace(t);
  mkdirSync(bad.directory, { mode: 0o700 });
  chmodSync(bad.directory, 0o777);
  const { base, ledger, root } = freshPlace(t);
  const metrics = join(root, 'metrics');
  const watcher = await startWatch(t, ['--quiet', '--metrics-file', metrics, bad.base, base]);
  assert.match(watcher.told(), /Watching 1 of 2/);
  await leaveOrphan(t, { base, ledger, calls: [append('good')] });
  await holds(() => read(ledger).includes('good'));
  watcher.process.kill('SIGTERM');
  assert.deepEqual(await watcher.exited, [3, null]);
  assert.equal(watcher.stdout(), '');
  assert.match(watcher.stderr(), new RegExp(`cannot watch ${bad.base}: .*others`));
  const text = readFileSync(metrics, 'utf8');
  assert.match(
    text,
    new RegExp(`deferred_sweep_functions\\{directory="${base}/deferred",outcome="ok"\\} 1\n`),
  );
  assert.match(text, /deferred_sweep_exit_status 3\n/);
  assert.match(text, /last_success_timestamp_seconds 0\n/);
  assert.ok(!text.includes(bad.base));
});

test('a directory that cannot be watched at the start is told of once, and watched when it can be', {
  skip,
}, async t => {
  const bad = freshPlace(t);
  mkdirSync(bad.directory, { mode: 0o700 });
  chmodSync(bad.directory, 0o777);
  const noDirectory = freshPlace(t);
  writeFileSync(noDirectory.directory, '');
  const good = freshPlace(t);
  const watcher = await startWatch(t, ['--poll', '20ms', bad.base, good.base, noDirectory.base]);
  chmodSync(bad.directory, 0o700);
  await holds(() => watcher.told().includes('Watching 2 of 3'));
  unlinkSync(noDirectory.directory);
  await holds(() => watcher.told().includes('Watching 3 of 3'));
  for (const { base, ledger } of [bad, noDirectory]) {
    await leaveOrphan(t, { base, ledger, calls: [append('mended')] });
    await holds(() => read(ledger).includes('mended'));
  }
  watcher.process.kill('SIGTERM');
  assert.deepEqual(await watcher.exited, [3, null]);
  for (const { base } of [bad, noDirectory])
    assert.equal(watcher.stderr().split(`cannot watch ${base}`).length, 2, watcher.stderr());
});

test('where no directory can be watched at the start, watch ends with 3', { skip }, t => {
  const { base, directory } = freshPlace(t);
  writeFileSync(directory, '');
  const { status, stderr } = runCommandLine(['watch', base, base]);
  assert.equal(status, 3);
  assert.match(stderr, new RegExp(`cannot watch ${base}: `));
});

test('a base without permission is told of once, and watched when its user may read it', {
  skip: skip || notRoot,
}, async t => {
  const open = freshPlace(t);
  chmodSync(open.root, 0o755);
  directoryOf(open.base, ALICE, 0o700);
  const [opened, closed] = [freshPlace(t), freshPlace(t)].map(({ root }) => {
    chmodSync(root, 0o755);
    const above = directoryOf(join(root, 'above'), 0, 0o700);
    return { above, base: directoryOf(join(above, 'base'), ALICE, 0o700) };
  }) as [Closed, Closed];
  const args = ['--poll', '20ms', opened.base, closed.base, open.base];
  const watcher = await startWatch(t, args, [], ALICE);
  assert.match(watcher.told(), /Watching 1 of 3/);
  chmodSync(opened.above, 0o755);
  // The other one was tried again meanwhile, too.
  await holds(() => watcher.told().includes('Watching 2 of 3'));
  const ledger = join(opened.base, 'ledger');
  leaveOrphanAs({ uid: ALICE }, opened.base, ledger);
  await holds(() => existsSync(ledger));
  watcher.process.kill('SIGTERM');
  assert.deepEqual(await watcher.exited, [3, null]);
  const advice = 'use a directory that belongs to this user, or run as the user it belongs to';
  const line = ({ base }: Closed): string =>
    `deferred-sweep: cannot watch ${base}: cannot read ${base}/deferred: permission denied (EACCES); ${advice}\n`;
  assert.equal(watcher.stderr(), line(opened) + line(closed));
});

test('a directory that becomes bad, is mended and becomes bad again is told of twice, and by the metrics', {
  skip,
}, async t => {
  const { base, directory, root } = freshPlace(t);
  mkdirSync(directory, { mode: 0o700 });
  const metrics = join(root, 'metrics');
  const watcher = await startWatch(t, ['--poll', '50ms', '--metrics-file', metrics, base]);
  const told = (): number => watcher.stderr().split('others can write to it').length - 1;
  const says = (text: string) => holds(() => read(metrics).includes(text));
  await says('deferred_sweep_exit_status 0');
  chmodSync(directory, 0o777);
  await holds(() => told() === 1);
  await says('deferred_sweep_exit_status 3');
  assert.ok(!read(metrics).some(line => line.includes(directory)));
  chmodSync(directory, 0o700);
  await says('deferred_sweep_exit_status 0');
  assert.ok(read(metrics).some(line => line.includes(directory)));
  chmodSync(directory, 0o777);
  await holds(() => told() === 2);
  watcher.process.kill('SIGTERM');
  assert.deepEqual(await watcher.exited, [0, null]);
  assert.ok(read(metrics).includes('deferred_sweep_exit_status 3'));
});

test('the metrics of a watch count no function as left that was cancelled', { skip }, async t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(promises.unlink, base).cancel(); job.defer(promises.unlink, base);`,
  );
  const metrics = join(freshPlace(t).root, 'metrics');
  const watcher = await startWatch(t, ['--label', 'another', '--metrics-file', metrics, base]);
  watcher.process.kill('SIGTERM');
  assert.deepEqual(await watcher.exited, [0, null]);
  assert.match(readFileSync(metrics, 'utf8'), /^deferred_sweep_pending_functions\{.*\} 1$/m);
});

test('the metrics of a watch count what is left in a damaged file, as those of a sweep do', {
  skip,
}, async t => {
  const functions = [1, 2, 3].map(number => `job.defer(promises.rmdir, '/nowhere/${number}');`);
  const base = baseOfKilledWorker(t, functions.join('\n'), '{ retryDelayMs: 3_600_000 }');
  const directory = join(base, 'deferred');
  const path = join(directory, readdirSync(directory).find(name => name.startsWith('func'))!);
  const bytes = readFileSync(path);
  bytes[bytes.lastIndexOf('nowhere/2')]! ^= 1;
  writeFileSync(path, bytes);
  const { root } = freshPlace(t);
  const metrics = join(root, 'metrics');
  const left = /^deferred_sweep_pending_functions\{.*\} 2$/m;
  assert.equal(runCommandLine(['--metrics-file', metrics, base]).status, 1);
  assert.match(readFileSync(metrics, 'utf8'), left);
  const ofWatch = join(root, 'metrics-of-watch');
  const watcher = await startWatch(t, ['--metrics-file', ofWatch, base]);
  watcher.process.kill('SIGTERM');
  await watcher.exited;
  assert.match(readFileSync(ofWatch, 'utf8'), left);
});
