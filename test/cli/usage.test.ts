import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { defaultBase } from '#dist/index.js';
import { packageRoot, plainEnvironment, runCommandLine } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { sample } from '../helpers/size.ts';

const { version } = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { version: string };

interface Row {
  args: readonly string[];
  status: number;
  stdout?: RegExp;
  stderr?: RegExp;
}

const wrong: readonly Row[] = [
  {
    args: ['lsit'],
    status: 2,
    stderr: /^deferred-sweep: lsit is neither a verb nor a directory here; did you mean list\?\n/,
  },
  { args: ['discrad', 'state'], status: 2, stderr: /discrad is neither a verb .* did you mean discard\?\n/ },
  {
    args: ['sweep', 'nowhere'],
    status: 2,
    stderr: /nowhere is neither a verb nor a directory here; for .* missing, write \.\/nowhere\n/,
  },
  {
    args: ['sweep', 'doctor'],
    status: 2,
    stderr: /write doctor as the first word; a directory is \.\/doctor\n/,
  },
  { args: ['help', 'list', 'retry'], status: 2, stderr: /help takes one VERB, got list retry\n/ },
  { args: ['man', 'list'], status: 2, stderr: /man takes nothing, got list\n/ },
  { args: ['cancel'], status: 2, stderr: /cancel takes one ID, .*, got nothing\n/ },
  { args: ['help', 'lits'], status: 2, stderr: /there is no verb lits; did you mean list\?\n/ },
  { args: ['--jsn', '/a'], status: 2, stderr: /there is no option --jsn; did you mean --json\?\n/ },
  { args: ['--state', 'dead', '/a'], status: 2, stderr: /sweep does not take --state; list does\n/ },
  {
    args: ['list', '--pool', 'ci'],
    status: 2,
    stderr: /list does not take --pool; cluster list, .*cluster discard do\n/,
  },
  {
    args: ['cluster', 'list', '--yes'],
    status: 2,
    stderr: /cluster list does not take --yes; cluster discard does\n/,
  },
  {
    args: ['cluster', 'list', '--all-users'],
    status: 2,
    stderr: /cluster list does not take --all-users; sweep does\n/,
  },
  { args: ['list', '--state', 'deaf', '/a'], status: 2, stderr: /--state must be some of .*, got deaf\n/ },
  {
    args: ['list', '--older', 'long', '/a'],
    status: 2,
    stderr: /--older must be an age like .*, got long\n/,
  },
  { args: ['--deadline'], status: 2, stderr: /--deadline needs a value: --deadline TIME\n/ },
  { args: ['--deadline', '1s', '--deadline=2s', '/a'], status: 2, stderr: /--deadline may be given once\n/ },
  {
    args: ['--concurrency', '0', '/a'],
    status: 2,
    stderr: /--concurrency must be a whole number of at least 1/,
  },
  { args: ['--label=', '/a'], status: 2, stderr: /--label must not be empty\n/ },
  { args: ['show'], status: 2, stderr: /show takes one ID of list/ },
  { args: ['retry'], status: 2, stderr: /retry takes IDs as list prints them, or --all\n/ },
  {
    args: ['retry', '--all', '0723eb'],
    status: 2,
    stderr: /retry takes IDs as list prints them, or --all\n/,
  },
  { args: ['retry', '0723eb', '--name', 'rm'], status: 2, stderr: /--name goes with --all\n/ },
  { args: ['discard', '--all'], status: 2, stderr: /without a terminal to ask on it needs --yes\n/ },
  { args: ['doctor', 'nowhere'], status: 2, stderr: /nowhere is neither a verb nor a directory here; for / },
  { args: ['doctor', '/a', '/b'], status: 2, stderr: /doctor takes one BASE, got 2\n/ },
  { args: ['completion', 'fish'], status: 2, stderr: /completion knows the shell bash, got fish\n/ },
  { args: ['cleanup', 'a', 'b'], status: 2, stderr: /cleanup takes one BASE, got 2/ },
  { args: [''], status: 2, stderr: /BASE must not be empty/ },
  { args: ['--user-timeout', '1s', '/a'], status: 2, stderr: /--user-timeout needs --all-users\n/ },
  { args: ['--user', '1', '/a'], status: 2, stderr: /--user needs --all-users\n/ },
  { args: ['--all-users', '/a', '/b'], status: 2, stderr: /--all-users takes one BASE\n/ },
  {
    args: ['--all-users', '--concurrency', '2', '/a'],
    status: 2,
    stderr: /--all-users does not take --concurrency\n/,
  },
  { args: ['-x', 'a'], status: 2, stderr: /-x/ },
  { args: ['--json=yes', 'a'], status: 2, stderr: /--json/ },
  { args: ['--timeout', '30', 'a'], status: 2, stderr: /--timeout must be a time like 500ms, .*, got 30\n/ },
  { args: ['--timeout', 'soon', 'a'], status: 2, stderr: /--timeout must be a time .*, got soon\n/ },
  { args: ['--timeout', '700h', 'a'], status: 2, stderr: /at most 24 days, got 700h\n/ },
  { args: ['--timeout=-1s', 'a'], status: 2, stderr: /--timeout must be a time .*, got -1s\n/ },
  { args: ['--timeout'], status: 2, stderr: /--timeout/ },
  {
    args: ['--isolation', 'none', 'a'],
    status: 2,
    stderr: /--isolation is gone: orphans always run in a process of their own\n/,
  },
];

const verbs = [...runCommandLine(['--help']).stdout.matchAll(/^ {2}deferred-sweep (\w+)/gm)].map(
  match => match[1]!,
);

for (const { args, status, stderr } of sample(wrong, 6)) {
  test(`wrong usage ends with ${status}, says why and prints nothing else: ${JSON.stringify(args)}`, () => {
    const ended = runCommandLine(args);
    assert.equal(ended.status, status);
    assert.equal(ended.stdout, '');
    assert.match(ended.stderr, stderr!);
    const verb = verbs.find(name => name === args[0]);
    const help = verb === undefined || verb === 'help' ? '--help' : `${verb} --help`;
    assert(ended.stderr.endsWith(`Try 'deferred-sweep ${help}'.\n`), ended.stderr);
  });
}

for (const verb of sample(['exec', 'defer', 'cancel', 'cluster'], 1)) {
  test(`wrong usage of ${verb} names its own help, which is there`, () => {
    const { status, stderr } = runCommandLine([verb, '--none-such']);
    assert.equal(status, 2);
    assert.match(stderr, new RegExp(`\nTry 'deferred-sweep ${verb} --help'\\.\n$`));
    assert.match(runCommandLine([verb, '--help']).stdout, new RegExp(`^Usage: deferred-sweep ${verb} `));
  });
}

const right: readonly Row[] = [
  { args: ['--help'], status: 0, stdout: /^Usage: deferred-sweep \[sweep\] \[BASE\.\.\.\]\n/ },
  { args: ['-h', 'cleanup'], status: 0, stdout: /^Usage: deferred-sweep cleanup .*Exit status: 0 /s },
  { args: ['help', 'list'], status: 0, stdout: /Example:\n {2}deferred-sweep list --state orphan,dead / },
  { args: ['man'], status: 0, stdout: /^\.TH DEFERRED-SWEEP 1 / },
  { args: ['completion', 'bash'], status: 0, stdout: /^complete .* deferred-sweep\n$/m },
  { args: ['--version'], status: 0, stdout: new RegExp(`^${version.replaceAll('.', '\\.')}\n$`) },
  { args: ['-v'], status: 0, stdout: /^\d+\.\d+\.\d+\n$/ },
];

for (const { args, status, stdout } of sample(right, 3)) {
  test(`what was asked for goes to standard output: ${JSON.stringify(args)}`, () => {
    const ended = runCommandLine(args);
    assert.equal(ended.status, status);
    assert.match(ended.stdout, stdout!);
    assert.equal(ended.stderr, '');
  });
}

test('every verb has help with an example of it, within 80 columns', () => {
  assert.ok(verbs.length >= 10);
  for (const verb of sample(verbs, 5)) {
    const { stdout } = runCommandLine([verb, '--help']);
    const isPlaced = /BASE/.test(stdout.split('\n')[0]!) || /^ {2}--(dir|base) /m.test(stdout);
    assert.equal(/^BASE defaults to /m.test(stdout), isPlaced, verb);
    assert.match(
      stdout,
      new RegExp(`^Usage: deferred-sweep ${verb}.*Examples?:\n {2}deferred-sweep ${verb}`, 's'),
    );
    for (const line of stdout.split('\n')) assert.ok(line.length <= 80, line);
  }
});

test('an option that means something else with one verb is told so there, and in the manual page', () => {
  const [sweep, exec, manual] = [['sweep', '--help'], ['exec', '--help'], ['man']].map(
    args => runCommandLine(args).stdout,
  );
  assert.match(sweep!, /--label TEXT +only jobs with this label\n/);
  assert.match(exec!, /--label TEXT +the label of its job, for reports\n/);
  assert.match(
    manual!,
    /label TEXT\nOnly jobs with this label\. With exec: the label of its job, for reports\.\n/,
  );
});

test('bash completes verbs, the options of a verb, and names with spaces', t => {
  const { stdout: script } = runCommandLine(['completion', 'bash']);
  const directory = freshDirectory(t);
  mkdirSync(join(directory, 'a place'));
  const ask = (...words: string[]): string[] => {
    const quoted = words.map(word => `'${word}'`).join(' ');
    const program = `${script}\nCOMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _deferred_sweep; printf '%s\\n' "\${COMPREPLY[@]}"`;
    const { stdout, stderr } = spawnSync('bash', ['-c', program], { cwd: directory, encoding: 'utf8' });
    assert.equal(stderr, '');
    return stdout.split('\n').filter(word => word !== '');
  };
  assert.deepEqual(ask('deferred-sweep', 'dis'), ['discard']);
  assert.deepEqual(ask('deferred-sweep', 'help', 'dis'), ['discard']);
  assert.deepEqual(ask('deferred-sweep', 'completion', ''), ['bash']);
  assert.deepEqual(ask('deferred-sweep', '--exit'), ['--exit-zero']);
  assert.deepEqual(ask('deferred-sweep', 'sweep', 'a'), ['a place']);
  assert.deepEqual(ask('deferred-sweep', 'list', '--st'), ['--state']);
  assert.deepEqual(ask('deferred-sweep', 'list', '--state', 'or'), ['orphan']);
  assert.deepEqual(ask('deferred-sweep', 'cluster', 'mi'), ['migrate']);
  assert.deepEqual(ask('deferred-sweep', 'cluster', 'watch', '--int'), ['--interval']);
});

test('without a BASE the default place is swept: DEFERRED_SWEEP_DIR, else one for each user', t => {
  const named = freshDirectory(t);
  const env = { ...plainEnvironment(), DEFERRED_SWEEP_DIR: named };
  assert.match(runCommandLine([], { env }).stdout, new RegExp(`^${named}/deferred: 0 done`));
  const { stdout } = runCommandLine(['doctor', '--json']);
  const { base } = JSON.parse(stdout) as { base: string };
  assert.equal(base, defaultBase(plainEnvironment()));
  if (process.platform === 'linux') assert.equal(base, `/var/tmp/deferred-sweep-${process.geteuid!()}`);
});
