import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { createInterface, type Interface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { sweep } from '#dist/index.js';
import { commandLinePath, plainEnvironment } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { makeGate } from '../helpers/gate.ts';
import { noMounts, withMounts, withoutProc } from '../helpers/mount-namespace.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { isAlive, nameProcess, type ProcessName } from '../helpers/process-life.ts';
import { createMark, MARK_VARIABLE } from '../helpers/process-marks.ts';
import { isFull, sample } from '../helpers/size.ts';
import { straceMissing } from '../helpers/strace.ts';
import { tellAgainAtOnce } from '../helpers/told-signals.ts';
import { until } from '../helpers/until.ts';
import { sweepFreed } from '../helpers/worker.ts';

/** What a shell calls the command line by. */
const self = `'${process.execPath}' '${commandLinePath}'`;

function environment(base: string, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  return { ...plainEnvironment(), DEFERRED_SWEEP_DIR: base, SELF: self, BASE: base, ...more };
}

function exec(base: string, args: readonly string[], under: readonly string[] = []) {
  const [program, ...rest] = [...under, process.execPath, commandLinePath, 'exec', ...args];
  const { status, signal, stdout, stderr } = spawnSync(program!, rest, {
    env: environment(base),
    encoding: 'utf8',
    timeout: 60_000,
  });
  return { status, signal, stdout, stderr };
}

interface Running {
  readonly wrapper: ChildProcess;
  readonly lines: Interface;
  readonly ended: Promise<unknown[]>;
}

/** A wrapper that runs, killed at the end of the test with all its program started. */
function start(
  t: TestContext,
  base: string,
  args: readonly string[],
  input: 'ignore' | 'pipe' = 'ignore',
  errors: 'inherit' | 'pipe' = 'inherit',
): Running {
  const wrapper = spawn(process.execPath, [commandLinePath, 'exec', ...args], {
    env: environment(base, { [MARK_VARIABLE]: createMark(t) }),
    stdio: [input, 'pipe', errors],
  });
  return { wrapper, lines: createInterface({ input: wrapper.stdout! }), ended: once(wrapper, 'exit') };
}

/** Kills the wrapper, then the program, whose lock keeps the job alive. */
async function killBoth({ wrapper, ended }: Running, program: ProcessName): Promise<void> {
  wrapper.kill('SIGKILL');
  await ended;
  process.kill(program.pid, 'SIGKILL');
}

async function pids(lines: Interface, count: number): Promise<ProcessName[]> {
  const found: ProcessName[] = [];
  for await (const line of lines) if (found.push(nameProcess(Number(line))) === count) break;
  return found;
}

const mayMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'none', '/var/tmp']).status === 0;

test('without a BASE the job is in the default place, as every verb has it', {
  skip: mayMount ? false : 'NOT TESTED: unshare(1) and mount(8) may not put a tmpfs on /var/tmp here',
}, t => {
  const script = `mount -t tmpfs -o mode=1777 none /var/tmp && ${self} exec -- sh -c 'echo /var/tmp/*/deferred/func*'`;
  const { status, stdout, stderr } = spawnSync('unshare', ['-m', 'sh', '-c', script], {
    cwd: freshDirectory(t),
    env: plainEnvironment(),
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  assert.match(
    stdout,
    new RegExp(`^/var/tmp/deferred-sweep-${process.geteuid!()}/deferred/func[0-9a-z]+\n$`),
  );
});

test('it ends as its program ends', t => {
  const base = freshDirectory(t);
  const run = (script: string) => exec(base, ['--', 'sh', '-c', script]);
  for (const code of [...sample([0, 1, 7], 1), 255]) assert.equal(run(`exit ${code}`).status, code);
  // Node ignores SIGPIPE by itself.
  const signals = ['SIGPIPE', ...sample(['SIGTERM', 'SIGKILL', 'SIGHUP', 'SIGUSR1', 'SIGINT'], 2)];
  for (const signal of signals) assert.equal(run(`kill -${signal.slice(3)} $$`).signal, signal);
  assert.deepEqual(readdirSync(join(base, 'deferred')), []);
});

test('what it cannot do has statuses of its own', t => {
  const base = freshDirectory(t);
  assert.equal(exec(base, ['--', 'no-such-program']).status, 127);
  for (const program of sample(['/etc/passwd', '/etc/passwd/x', 'x'.repeat(5000)], 1))
    assert.equal(exec(base, ['--', program]).status, 126, program);
  for (const args of sample([[], ['--'], ['true'], ['--unknown', '--', 'true'], ['--label']], 2))
    assert.equal(exec(base, args).status, 2, args.join(' '));
  const none = exec('/etc/passwd', ['--', 'echo', 'started']);
  assert.deepEqual([none.status, none.stdout], [125, '']);
});

test('its commands run when the program has ended, the last one first, and the scratch directory is gone', t => {
  const base = freshDirectory(t);
  const out = join(base, 'out');
  const script = `echo program >> ${out}; touch "$TMPDIR/file"; echo "$TMPDIR" > ${base}/scratch; exit 3`;
  const args = ['--defer', `ls "$TMPDIR" >> ${out}`, '--defer', `echo second >> ${out}`];
  assert.equal(exec(base, [...args, '--scratch', '--', 'sh', '-c', script]).status, 3);
  assert.equal(readFileSync(out, 'utf8'), 'program\nsecond\nfile\n');
  const scratch = readFileSync(join(base, 'scratch'), 'utf8').trim();
  assert.ok(scratch.startsWith('/') && !existsSync(scratch));
  assert.deepEqual(readdirSync(join(base, 'deferred')), []);
});

const languages: Readonly<Record<string, readonly string[]>> = {
  bash: [
    'bash',
    '-c',
    `$0 "$1" defer -- touch kept; id=$($0 "$1" defer -- touch cancelled); $0 "$1" cancel $id; ! $0 "$1" cancel $id`,
  ],
  python: [
    'python3',
    '-c',
    `import subprocess, sys
call = lambda *args: subprocess.run([sys.argv[1], sys.argv[2], *args], capture_output=True, text=True)
assert call("defer", "--", "touch", "kept").returncode == 0
id = call("defer", "--", "touch", "cancelled").stdout.strip()
assert call("cancel", id).returncode == 0
assert call("cancel", id).returncode == 1`,
  ],
  perl: [
    'perl',
    '-e',
    `my @self = @ARGV; system(@self, qw(defer -- touch kept)) == 0 or die; open(my $out, "-|", @self, qw(defer -- touch cancelled)) or die;
chomp(my $id = <$out>); close $out; system(@self, "cancel", $id) == 0 or die; system(@self, "cancel", $id) == 256 or die;`,
  ],
};

for (const [language, program] of sample(Object.entries(languages), 1)) {
  const missing = spawnSync(program[0]!, ['-c', '1']).error && `NOT TESTED: there is no ${language}`;
  test(`a program in ${language} defers and cancels commands`, { skip: missing ?? false }, t => {
    const base = freshDirectory(t);
    const place = freshDirectory(t);
    const script = language === 'python' ? program.slice(0, 3) : program;
    const { status, stderr } = spawnSync(
      process.execPath,
      [commandLinePath, 'exec', '--', ...script, process.execPath, commandLinePath],
      { env: environment(base), cwd: place, encoding: 'utf8' },
    );
    assert.equal(status, 0, stderr);
    assert.deepEqual(readdirSync(place), ['kept']);
  });
}

test('of many commands deferred at once from many processes none is lost', t => {
  const base = freshDirectory(t);
  const count = isFull ? 12 : 6;
  const script = `for i in $(seq ${count}); do ${self} defer -- sh -c "echo $i >> ${base}/out" & done; wait`;
  const { stdout, stderr, status } = exec(base, ['--', 'sh', '-c', script]);
  assert.equal(status, 0, stderr);
  const ids = stdout.trim().split('\n').map(Number);
  assert.equal(new Set(ids).size, count);
  const ran = readFileSync(join(base, 'out'), 'utf8').trim().split('\n').map(Number);
  assert.deepEqual(
    ran.sort((a, b) => a - b),
    Array.from({ length: count }, (_, index) => index + 1),
  );
});

test('the program keeps the job alive when the wrapper is killed; then a sweep runs the commands', async t => {
  const base = freshDirectory(t);
  const script = `${self} defer -- touch ${base}/deferred-inside; echo $$; exec sleep 86400`;
  const { wrapper, lines, ended } = start(t, base, [
    '--defer',
    `touch ${base}/proof`,
    '--',
    'sh',
    '-c',
    script,
  ]);
  // The ID of the command comes first.
  const [, program] = await pids(lines, 2);
  wrapper.kill('SIGKILL');
  await ended;
  const report = await sweep(base, { logger: null });
  assert.deepEqual([report.held, report.ok], [1, 0]);
  assert.ok(isAlive(program!) && !existsSync(join(base, 'proof')));
  process.kill(program!.pid, 'SIGKILL');
  const after = await sweepFreed(base);
  assert.equal(after.failed, 0);
  assert.ok(existsSync(join(base, 'proof')) && existsSync(join(base, 'deferred-inside')));
});

test('defer --env refuses a variable that is not set, also one whose name each object has', t => {
  const base = freshDirectory(t);
  for (const name of ['UNSET', ...sample(['constructor', 'toString'], 1)]) {
    const inside = `unset UNSET; ${self} defer --env ${name} -- touch ${base}/proof`;
    const { status, stdout, stderr } = exec(base, ['--', 'sh', '-c', inside]);
    assert.deepEqual([status, stdout], [1, ''], name);
    assert.match(stderr, new RegExp(`defer: the variable ${name} of --env is not set`));
  }
  assert.ok(!existsSync(join(base, 'proof')));
});

test('when the wrapper was killed, defer and cancel say so, and change nothing', async t => {
  const base = freshDirectory(t);
  const inside = `${self} defer -- touch ${base}/late; echo "said $?"; ${self} cancel 1; echo "said $?"`;
  const script = `echo $$; while [ ! -e ${base}/go ]; do sleep 0.05; done; ${inside}; exec sleep 86400`;
  const { wrapper, lines, ended } = start(t, base, [
    '--defer',
    `touch ${base}/proof`,
    '--',
    'sh',
    '-c',
    script,
  ]);
  const [program] = await pids(lines, 1);
  wrapper.kill('SIGKILL');
  await ended;
  const said: string[] = [];
  lines.on('line', line => said.push(line));
  writeFileSync(join(base, 'go'), '');
  await until('both lines', () => said.length === 2);
  assert.deepEqual(said, ['said 3', 'said 3']);
  process.kill(program!.pid, 'SIGKILL');
  const after = await sweepFreed(base);
  assert.equal(after.failed, 0, JSON.stringify(after));
  assert.ok(existsSync(join(base, 'proof')) && !existsSync(join(base, 'late')));
});

test('the hole: what python starts by subprocess does not keep the job alive; --kill-tree ends it', async t => {
  const python = `import os, subprocess, time
child = subprocess.Popen(["sleep", "86400"], start_new_session=True)
print(child.pid, flush=True)
print(os.getpid(), flush=True)
time.sleep(86400)`;
  for (const isKillTree of [false, true]) {
    const base = freshDirectory(t);
    const options = [...(isKillTree ? ['--kill-tree'] : []), '--defer', `touch ${base}/proof`];
    const running = start(t, base, [...options, '--', 'python3', '-c', python]);
    const [below, program] = await pids(running.lines, 2);
    await killBoth(running, program!);
    const report = await sweepFreed(base);
    assert.equal(report.failed, 0, JSON.stringify(report));
    assert.ok(existsSync(join(base, 'proof')));
    assert.equal(isAlive(below!), !isKillTree);
  }
});

test('a sweep, too, ends the tree before it removes the scratch directory that the tree uses', async t => {
  const base = freshDirectory(t);
  // By the shell itself: a program that the trap started would be ended, too.
  const python = `import os, subprocess, time
child = """trap 'test -d "$TMPDIR" && : > "$BASE/proof"; exit' TERM; echo up; sleep 86400 & wait"""
below = subprocess.Popen(["sh", "-c", child], start_new_session=True, stdout=subprocess.PIPE)
below.stdout.readline()
print(os.getpid(), flush=True)
time.sleep(86400)`;
  const options = ['--kill-tree', '--scratch', '--', 'python3', '-c', python];
  const running = start(t, base, options);
  const [program] = await pids(running.lines, 1);
  await killBoth(running, program!);
  const report = await sweepFreed(base);
  assert.equal(report.failed, 0, JSON.stringify(report));
  assert.ok(existsSync(join(base, 'proof')));
});

test('--kill-tree ends what the program left behind, before the commands run', async t => {
  const base = freshDirectory(t);
  const script = `(setsid sh -c 'echo $$; exec sleep 86400' &); ${self} defer -- sh -c 'kill -0 $(cat ${base}/pid) 2>/dev/null || touch ${base}/proof'; read line`;
  const { wrapper, lines, ended } = start(t, base, ['--kill-tree', '--', 'sh', '-c', script], 'pipe');
  const [below] = await pids(lines, 1);
  spawnSync('sh', ['-c', `echo ${below!.pid} > ${base}/pid`]);
  wrapper.stdin!.end('go\n');
  await ended;
  assert.ok(!isAlive(below!));
  assert.ok(existsSync(join(base, 'proof')));
});

test('a signal is passed on to the program, which decides', async t => {
  const base = freshDirectory(t);
  for (const signal of ['TERM', ...sample(['INT', 'HUP', 'USR1'] as const, 1)] as const) {
    const script = `trap 'exit 42' ${signal}; echo $$; while :; do sleep 0.1; done`;
    const { wrapper, lines, ended } = start(t, base, ['--', 'sh', '-c', script]);
    await pids(lines, 1);
    wrapper.kill(`SIG${signal}`);
    assert.deepEqual(await ended, [42, null]);
  }
});

test('a program that may not be sent a signal runs on, and its job with it', {
  skip: notForOthers,
}, async t => {
  const base = freshDirectory(t);
  chmodSync(base, 0o755);
  const state = join(base, 'state');
  mkdirSync(state);
  chownSync(state, 65_534, 65_534);
  // As sudo: all of its ids are root's.
  const privileged = join(base, 'setpriv');
  copyFileSync(which('setpriv'), privileged);
  chmodSync(privileged, 0o4755);
  const program = [privileged, '--reuid', '0', '--clear-groups', 'cat'];
  const wrapper = spawn(process.execPath, [commandLinePath, 'exec', '--base', state, '--', ...program], {
    env: environment(state, { XDG_RUNTIME_DIR: '' }),
    uid: 65_534,
    gid: 65_534,
    cwd: '/',
  });
  const ended = once(wrapper, 'exit');
  const echo = async (line: string): Promise<void> => {
    wrapper.stdin.write(`${line}\n`);
    assert.equal(String((await once(wrapper.stdout, 'data'))[0]), `${line}\n`);
  };
  await echo('before');
  wrapper.kill('SIGTERM');
  assert.match(String((await once(wrapper.stderr, 'data'))[0]), /cannot pass SIGTERM on to/);
  await echo('after');
  wrapper.stdin.end();
  assert.deepEqual(await ended, [0, null]);
});

test('a signal during the cleanup lets it go on; a second leaves the rest to a sweep', async t => {
  for (const signals of [1, 2]) {
    const base = freshDirectory(t);
    const gate = makeGate(base);
    const command = `echo begun > ${gate}; read line < ${gate}; touch ${base}/proof`;
    const { wrapper, ended } = start(t, base, ['--defer', command, '--', 'true']);
    const begun = spawnSync('cat', [gate], { encoding: 'utf8' }).stdout;
    assert.equal(begun, 'begun\n');
    tellAgainAtOnce(wrapper.pid!, 'SIGTERM');
    if (signals === 2) {
      wrapper.kill('SIGINT');
      assert.deepEqual(await ended, [null, 'SIGINT']);
      spawnSync('sh', ['-c', `echo go > ${gate}`]);
      continue;
    }
    spawnSync('sh', ['-c', `echo go > ${gate}`]);
    assert.deepEqual(await ended, [0, null]);
    assert.ok(existsSync(join(base, 'proof')));
  }
});

test('a signal that is told again until its end does not change the status of the program', async t => {
  const program =
    'trap "trap \'\' TERM; kill $!; exit 7" TERM; sleep 86400 > /dev/null & echo ready; while :; do wait; done';
  for (let round = 0; round < (isFull ? 8 : 2); round++) {
    const base = freshDirectory(t);
    const { wrapper, lines, ended } = start(t, base, ['--', 'sh', '-c', program], 'ignore', 'pipe');
    wrapper.stderr!.resume();
    await once(lines, 'line');
    tellAgainAtOnce(wrapper.pid!, 'SIGTERM');
    assert.deepEqual(await ended, [7, null]);
  }
});

test('a signal while it sweeps at its start ends it soon: no program begins, and nothing is lost', async t => {
  const two = ['SIGTERM', 'SIGINT'] as const;
  for (const signals of [two, ...sample([['SIGINT'], ['SIGTERM'], ['SIGHUP']] as const, 1)]) {
    const base = freshDirectory(t);
    const gate = makeGate(base);
    const waits = `[ -e ${base}/again ] || { echo begun > ${gate}; read line < ${gate}; }; touch ${base}/first`;
    const owner = start(t, base, [
      ...['--defer', `touch ${base}/second`, '--defer', waits, '--'],
      ...['sh', '-c', 'echo $$; exec sleep 86400'],
    ]);
    const [program] = await pids(owner.lines, 1);
    await killBoth(owner, program!);
    const args = ['--', 'touch', join(base, 'program')];
    const { wrapper, ended } = start(t, base, args, 'ignore', 'pipe');
    const said = createInterface({ input: wrapper.stderr! })[Symbol.asyncIterator]();
    assert.equal(spawnSync('cat', [gate], { encoding: 'utf8' }).stdout, 'begun\n');
    for (const signal of signals) {
      wrapper.kill(signal);
      // What the first signal did to the function may be told before what the second one does.
      let line: string;
      do line = (await said.next()).value;
      while (line.includes(' timed-out '));
      assert.match(line, /the program will not begin|left the rest/);
    }
    // Only at SIGINT the function in progress has all of its time.
    if (signals[0] === 'SIGINT') spawnSync('sh', ['-c', `echo go > ${gate}`]);
    assert.deepEqual(await ended, [null, signals.at(-1)]);
    const done = ['program', 'first', 'second'].filter(name => existsSync(join(base, name)));
    assert.deepEqual(done, signals[0] === 'SIGINT' ? ['first'] : []);
    writeFileSync(join(base, 'again'), '');
    const report = await sweepFreed(base);
    assert.equal(report.failed, 0, JSON.stringify(report));
    assert.ok(existsSync(join(base, 'first')) && existsSync(join(base, 'second')));
    assert.deepEqual(readdirSync(join(base, 'deferred')), []);
  }
});

/** Leaves 20 grandchildren to whoever adopts them, and waits until they are reaped. */
const orphaning = `import os, sys
ended, pipe = os.pipe()
for _ in range(20):
    if os.fork() == 0:
        if os.fork() == 0: os.write(pipe, b"%d " % os.getpid())
        os._exit(0)
    os.wait()
os.close(pipe)
pids = b""
while True:
    more = os.read(ended, 9999)
    if not more: break
    pids += more
pids = pids.split()
assert len(pids) == 20
while any(os.path.exists("/proc/" + pid.decode()) for pid in pids): pass
print("reaped", open("/proc/self/stat").read().split()[3])`;

test('it reaps what its program leaves behind, and still hears of the end of the program', t => {
  const base = freshDirectory(t);
  const { status, stdout, stderr } = exec(base, ['--defer', 'true', '--', 'python3', '-c', orphaning]);
  assert.equal(status, 0, stderr);
  assert.match(stdout, /^reaped \d+\n$/);
});

const mayUnshare = spawnSync('unshare', ['-pf', '--mount-proc', 'true']).status === 0;

test('as pid 1 it reaps, and its status is 128 + the signal of the program', {
  skip: mayUnshare ? false : 'NOT TESTED: unshare(1) may not make a PID namespace here',
}, t => {
  const base = freshDirectory(t);
  const under = ['unshare', '-pf', '--mount-proc'];
  const reaped = exec(base, ['--', 'python3', '-c', orphaning], under);
  assert.deepEqual([reaped.status, reaped.stdout], [0, 'reaped 1\n'], reaped.stderr);
  assert.equal(exec(base, ['--', 'sh', '-c', 'kill -TERM $$'], under).status, 128 + 15);
  assert.equal(exec(base, ['--', 'sh', '-c', 'exit 5'], under).status, 5);
  const killed = exec(
    base,
    ['--kill-tree', '--', 'sh', '-c', '(setsid sleep 86400 &); kill -KILL $$'],
    under,
  );
  assert.equal(killed.status, 128 + 9, killed.stderr);
  assert.deepEqual(readdirSync(join(base, 'deferred')), []);
});

test('as pid 1 a second signal during the cleanup ends it at once, and leaves the rest to a sweep', {
  skip: mayUnshare ? false : 'NOT TESTED: unshare(1) may not make a PID namespace here',
}, t => {
  const base = freshDirectory(t);
  const said = join(base, 'said');
  const under = ['unshare', '-pf', '--mount-proc', 'sh', '-c', `exec "$@" 2> ${said}`, 'sh'];
  const command = `kill -TERM 1; until grep -q 'a second signal' ${said}; do :; done; kill -INT 1; sleep 20`;
  assert.equal(exec(base, ['--defer', command, '--', 'true'], under).status, 128 + 2);
  assert.match(readFileSync(said, 'utf8'), /left the rest to the next sweep\n$/);
  assert.equal(readdirSync(join(base, 'deferred')).length, 1);
});

/** Runs its arguments on a terminal of their own; types ^C when they say "ready", a line when they say "interrupted". */
const terminal = `import os, pty, sys
pid, fd = pty.fork()
if pid == 0: os.execv(sys.argv[1], sys.argv[1:])
seen = b""
typed = 0
while True:
    try: data = os.read(fd, 1024)
    except OSError: break
    if not data: break
    seen += data
    if typed == 0 and b"ready" in seen: typed = 1; os.write(fd, b"\\x03")
    if typed == 1 and b"interrupted" in seen: typed = 2; os.write(fd, b"line\\n")
_, status = os.waitpid(pid, 0)
sys.stdout.write(seen.decode())
sys.exit(os.waitstatus_to_exitcode(status))`;

test('on a terminal ^C reaches the program once', { skip: straceMissing }, t => {
  const base = freshDirectory(t);
  const log = join(base, 'log');
  // By the time the wrapper has answered, it has passed on what it will pass on.
  const program = `import signal, subprocess, sys
count = 0
def handle(*_):
    global count
    count += 1
    if count == 1: print("interrupted", flush=True)
signal.signal(signal.SIGINT, handle)
print("ready", flush=True)
sys.stdin.readline()
subprocess.run([*sys.argv[1:], "defer", "--", "true"], check=True)
print("count", count, flush=True)
sys.exit(9)`;
  // Two at once would be one to the program, so the wrapper's own calls are looked at, too.
  const strace = [which('strace'), '-f', '-qq', '-e', 'trace=kill', '-o', log];
  const args = [
    terminal,
    ...strace,
    process.execPath,
    commandLinePath,
    'exec',
    '--',
    'python3',
    '-c',
    program,
  ];
  args.push(process.execPath, commandLinePath);
  const { status, stdout, stderr } = spawnSync('python3', ['-c', ...args], {
    env: environment(base),
    encoding: 'utf8',
  });
  assert.match(stdout, /count 1\r?\n/, stderr);
  assert.doesNotMatch(readFileSync(log, 'utf8'), /kill\(\d+, SIGINT\)/);
  assert.equal(status, 9);
});

/** Runs its arguments as the leader of a terminal's session; hangs the terminal up when something was written to the FIFO `go`. */
const hangup = `import os, pty, sys
go, *args = sys.argv[1:]
pid, fd = pty.fork()
if pid == 0: os.execv(args[0], args)
open(go).read()
os.close(fd)
_, status = os.waitpid(pid, 0)
sys.exit(status & 127)`;

test('a hangup of the terminal reaches the program, also when the wrapper leads the session', t => {
  const base = freshDirectory(t);
  const gate = makeGate(base);
  const program = `echo go > ${gate}; exec sleep 60`;
  const args = [hangup, gate, process.execPath, commandLinePath, 'exec'];
  const { status, stderr } = spawnSync(
    'python3',
    ['-c', ...args, '--defer', `touch ${base}/proof`, '--', 'sh', '-c', program],
    {
      env: environment(base),
      encoding: 'utf8',
      timeout: 30_000,
    },
  );
  assert.equal(status, 1, stderr);
  assert.ok(existsSync(join(base, 'proof')));
});

test('without a wrapper nothing is registered, and that is said', t => {
  const base = freshDirectory(t);
  const run = (args: readonly string[], env: NodeJS.ProcessEnv) =>
    spawnSync(process.execPath, [commandLinePath, ...args], {
      env: environment(base, env),
      encoding: 'utf8',
    });
  const outside = run(['defer', '--', 'true'], {});
  assert.equal(outside.status, 3);
  assert.match(outside.stderr, /DEFERRED_SWEEP_SOCKET is not set/);
  const gone = run(['defer', '--', 'true'], { DEFERRED_SWEEP_SOCKET: join(base, 'gone') });
  assert.deepEqual([gone.status, gone.stdout], [3, '']);
  assert.match(gone.stderr, /cannot reach the job at .*ENOENT.*; nothing was done/);
  assert.equal(run(['cancel', '1'], {}).status, 3);
  for (const args of [['defer'], ['defer', 'true'], ['cancel'], ['cancel', 'x'], ['cancel', '1', '2']])
    assert.equal(run(args, {}).status, 2, args.join(' '));
  assert.equal(run(['defer', '--', 'no-such-program'], {}).status, 1);
});

test('an answer without an end is not read for ever', async t => {
  const base = freshDirectory(t);
  const path = join(base, 'job');
  const program = `require('node:net').createServer(socket => {
    const answer = () => { while (socket.writable && socket.write('x'.repeat(65536))); };
    socket.on('error', () => {}).on('drain', answer).once('data', answer);
  }).listen(${JSON.stringify(path)}, () => console.log('listening'))`;
  const endless = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => endless.kill('SIGKILL'));
  await once(endless.stdout, 'data');
  const { status, stderr } = spawnSync(process.execPath, [commandLinePath, 'defer', '--', 'true'], {
    env: environment(base, { DEFERRED_SWEEP_SOCKET: path }),
    encoding: 'utf8',
    timeout: 20_000,
  });
  assert.equal(status, 3, stderr);
  assert.match(stderr, /its answer has no end; it is not known whether it has done it/);
});

test('where the working directory was removed, exec --defer and defer say so; other commands run', t => {
  const base = freshDirectory(t);
  const gone = join(base, 'gone');
  const inside = (line: string) =>
    spawnSync('sh', ['-c', `mkdir ${gone}; cd ${gone}; rmdir ${gone}; exec ${line}`], {
      env: environment(base),
      encoding: 'utf8',
    });
  const removed = /^deferred-sweep: (exec|defer): the working directory was removed; nothing was \w+\n$/;
  const wrapper = inside(`${self} exec --defer true -- echo started`);
  assert.deepEqual([wrapper.status, wrapper.stdout], [125, '']);
  assert.match(wrapper.stderr, removed);
  const deferring = inside(`${self} exec -- ${self} defer -- true`);
  assert.deepEqual([deferring.status, deferring.stdout], [1, '']);
  assert.match(deferring.stderr, removed);
  const relative = inside(`${self} exec --base ./state -- echo started`);
  assert.deepEqual([relative.status, relative.stdout], [125, '']);
  assert.match(relative.stderr, removed);
  assert.equal(inside(`${self} exec -- true`).status, 0);
});

test('a runtime directory of another user is not used for the socket', { skip: notForOthers }, t => {
  const base = freshDirectory(t);
  const runtime = join(base, 'runtime');
  mkdirSync(runtime, { mode: 0o700 });
  const state = join(base, 'state');
  mkdirSync(state);
  chownSync(state, 65_534, 65_534);
  chmodSync(base, 0o755);
  const script = `printf %s "$DEFERRED_SWEEP_SOCKET"; ${self} defer -- true`;
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [commandLinePath, 'exec', '--base', state, '--', 'sh', '-c', script],
    {
      env: environment(state, { XDG_RUNTIME_DIR: runtime }),
      uid: 65_534,
      gid: 65_534,
      cwd: '/',
      encoding: 'utf8',
    },
  );
  assert.equal(status, 0, stderr);
  assert.ok(stdout.startsWith('/') && !stdout.startsWith(runtime), stdout);
});

test('where the base alone can be written to, the socket is in the state directory', {
  skip: noMounts,
}, t => {
  const base = freshDirectory(t);
  const readOnly = `mount --bind /tmp /tmp && mount --bind ${base} ${base} && mount -o remount,bind,ro /tmp`;
  const script = `echo "$DEFERRED_SWEEP_SOCKET"; ${self} defer -- touch ${base}/proof`;
  const under = ['env', 'TMPDIR=/tmp', 'XDG_RUNTIME_DIR=', ...withMounts(readOnly)];
  const { status, stdout, stderr } = exec(base, ['--', 'sh', '-c', script], under);
  assert.equal(status, 0, stderr);
  assert.ok(stdout.startsWith(`${base}/deferred/ds-`), stdout);
  assert.ok(existsSync(join(base, 'proof')));
  assert.deepEqual(readdirSync(join(base, 'deferred')), []);
});

test('a command whose ID cannot be printed is registered, and defer exits with 1', {
  skip: existsSync('/dev/full') ? false : 'NOT TESTED: there is no /dev/full',
}, t => {
  const base = freshDirectory(t);
  const { status, stderr } = exec(base, [
    '--',
    'sh',
    '-c',
    `${self} defer -- touch ${base}/proof > /dev/full`,
  ]);
  assert.equal(status, 1);
  assert.match(stderr, /cannot write to standard output/);
  assert.ok(existsSync(join(base, 'proof')));
});

test('without /proc nothing is started, made or left, and exec says what to do', {
  skip: noMounts,
}, t => {
  const base = freshDirectory(t);
  const line = ['--scratch', '--defer', 'echo ran', '--', 'echo', 'begun'];
  const { status, stdout, stderr } = exec(base, line, ['env', `TMPDIR=${base}`, ...withoutProc]);
  assert.equal(
    stderr,
    'deferred-sweep: exec: cannot open a job: /dev/fd, which finds its lock for the program, cannot be read (ENOENT); ' +
      'mount /proc; nothing was started\n',
  );
  assert.deepEqual([status, stdout, readdirSync(base)], [125, '', []]);
});

function which(program: string): string {
  return spawnSync('sh', ['-c', `command -v ${program}`], { encoding: 'utf8' }).stdout.trim();
}

test('of a program that cannot be started it is said why, and what to do', t => {
  const base = freshDirectory(t);
  writeFileSync(join(base, 'script'), '#!/no/such/program\n', { mode: 0o700 });
  writeFileSync(join(base, 'text'), '', { mode: 0o600 });
  for (const [program, status, advice] of [
    ['nosuchprog', 127, 'install it, or give its path'],
    [join(base, 'script'), 127, 'of a script see what its first line names'],
    [join(base, 'text'), 126, 'see whether this user may run it'],
  ] as const) {
    const ended = exec(base, ['--', program]);
    assert.equal(ended.status, status);
    assert.ok(ended.stderr.startsWith(`deferred-sweep: exec: cannot start ${program}: `), ended.stderr);
    assert.ok(ended.stderr.includes(advice), ended.stderr);
  }
});
