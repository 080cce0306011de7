import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { packageRoot, runCommandLine } from '../helpers/command-line.ts';

const { version } = JSON.parse(readFileSync(`${packageRoot}package.json`, 'utf8')) as { version: string };

interface Row {
  args: readonly string[];
  status: number;
  stdout?: RegExp;
  stderr?: RegExp;
}

const wrong: readonly Row[] = [
  { args: [], status: 2, stderr: /^deferred-sweep: no BASE given, and DEFERRED_SWEEP_DIR is not set\n/ },
  { args: ['sweep'], status: 2, stderr: /no BASE given/ },
  { args: ['cleanup'], status: 2, stderr: /no BASE given/ },
  { args: ['cleanup', 'a', 'b'], status: 2, stderr: /cleanup takes one BASE, got 2/ },
  { args: [''], status: 2, stderr: /BASE must not be empty/ },
  { args: ['--dry-run', 'a'], status: 2, stderr: /--dry-run/ },
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

for (const { args, status, stderr } of wrong) {
  test(`wrong usage ends with ${status}, says why and prints nothing else: ${JSON.stringify(args)}`, () => {
    const ended = runCommandLine(args);
    assert.equal(ended.status, status);
    assert.equal(ended.stdout, '');
    assert.match(ended.stderr, stderr!);
    assert.match(ended.stderr, /Try 'deferred-sweep --help'\.\n$/);
  });
}

const right: readonly Row[] = [
  { args: ['--help'], status: 0, stdout: /^Usage: deferred-sweep \[sweep\] \[BASE\.\.\.\]\n/ },
  { args: ['-h', 'cleanup'], status: 0, stdout: /Exit status: 0 / },
  { args: ['--version'], status: 0, stdout: new RegExp(`^${version.replaceAll('.', '\\.')}\n$`) },
  { args: ['-v'], status: 0, stdout: /^\d+\.\d+\.\d+\n$/ },
];

for (const { args, status, stdout } of right) {
  test(`what was asked for goes to standard output: ${JSON.stringify(args)}`, () => {
    const ended = runCommandLine(args);
    assert.equal(ended.status, status);
    assert.match(ended.stdout, stdout!);
    assert.equal(ended.stderr, '');
  });
}
