/** What `sweep` and `cleanup` tell while they go on. */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { progressText } from '#dist/cli/output/live-report.js';
import { LabelledOutput } from '#dist/sweep/runners/runner-output.js';
import {
  baseOfKilledWorker,
  commandLinePath,
  plainEnvironment,
  runCommandLine,
  startCommandLine,
} from '../helpers/command-line.ts';
import { arrivalAt, makeGate } from '../helpers/gate.ts';

test('a line tells of each function when it ends, while the next one runs', async t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(function first() {});
     job.defer(DeferredFunction.command('cat', [base + '/gate']));`,
  );
  const fifo = makeGate(base);
  const child = startCommandLine(t, [base]);
  const lines = createInterface({ input: child.stdout! })[Symbol.asyncIterator]();
  const next = async (): Promise<string> => (await lines.next()).value as string;
  assert.match(await next(), /: running$/);
  assert.match(await next(), /^ {2}first: ok \(attempt 1, /);
  await (await arrivalAt(fifo))();
  assert.match(await next(), /^ {2}cat .*: ok \(attempt 1, /);
  assert.match(await next(), /: 2 done, 0 failed/);
});

test('lines of a function stand behind its name, also without a line end, of its children, and before its death', t => {
  const base = baseOfKilledWorker(
    t,
    `for (let i = 0; i < 40; i++) job.defer(function even() { process.stdout.write('no end ' + '.'.repeat(9)); });
     job.defer(async function shell() { (await import('node:child_process')).spawnSync('sh', ['-c', 'echo child; echo other >&2'], { stdio: 'inherit' }); });
     job.defer(function dies() { process.stdout.write('last words'); process.kill(process.pid, 'SIGKILL'); });
     job.defer(function big() { process.stdout.write('x'.repeat(200000) + '\\n'); });
     job.defer(function () { console.log('nameless'); });`,
  );
  const { stderr, stdout } = runCommandLine([base]);
  const lines = stderr.trimEnd().split('\n');
  const count = (line: string): number => lines.filter(found => found === line).length;
  assert.equal(count(`even | no end ${'.'.repeat(9)}`), 40, stdout);
  for (const line of ['shell | child', 'shell | other', 'dies | last words', '(anonymous) | nameless'])
    assert.equal(count(line), 1, stderr.slice(0, 2000));
  const big = lines.filter(line => line.startsWith('big | '));
  assert.equal(big.map(line => line.slice(6)).join('').length, 200_000);
  assert.equal(lines.length, 40 + 4 + big.length);
});

test('a function that opens a file in the place of its standard output finds no mark in it', t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(async function usurps(path) {
       const fs = await import('node:fs');
       fs.closeSync(1);
       if (fs.openSync(path, 'w') !== 1) throw new Error('not 1');
     }, base + '/file');
     job.defer(function next() {});`,
  );
  assert.equal(runCommandLine([base]).status, 0);
  assert.equal(spawnSync('cat', [join(base, 'file')], { encoding: 'utf8' }).stdout, '');
});

test('marks are found wherever the output is cut', () => {
  const bytes = Buffer.from('before\n\0m:one\na\nb\0m:two\n\0m:three\nc\n\0no mark\n');
  for (let cut = 0; cut <= bytes.length; cut++) {
    const found: string[] = [];
    const output = new LabelledOutput('m', (name, lines) => found.push(`${name}:${lines}`) > 0);
    output.read(bytes.subarray(0, cut));
    output.read(bytes.subarray(cut));
    output.end();
    const byName = new Map<string, string>();
    for (const text of found) {
      const at = text.indexOf(':');
      byName.set(text.slice(0, at), (byName.get(text.slice(0, at)) ?? '') + text.slice(at + 1));
    }
    assert.deepEqual(
      [...byName],
      [
        ['undefined', 'before\n'],
        ['one', 'a\nb'],
        ['three', 'c\n\0no mark\n'],
      ],
      `cut at ${cut}`,
    );
  }
});

test('a mark behind a long line is found wherever the output is cut', () => {
  const long = 'x'.repeat(70_000);
  const bytes = Buffer.from(`${long}\0m:one\nafter\n`);
  for (let cut = long.length; cut <= bytes.length; cut++) {
    const found = new Map<string | undefined, string>();
    const output = new LabelledOutput(
      'm',
      (name, lines) => found.set(name, `${found.get(name) ?? ''}${lines}`).size > 0,
    );
    output.read(bytes.subarray(0, cut));
    output.read(bytes.subarray(cut));
    output.end();
    assert.deepEqual(
      [...found],
      [
        [undefined, long],
        ['one', 'after\n'],
      ],
      `cut at ${cut}`,
    );
  }
});

test('with --quiet what functions print is shown only if something went wrong', t => {
  const chatter = `job.defer(function chatter() { console.log('hello'); });`;
  const good = runCommandLine(['--quiet', baseOfKilledWorker(t, chatter)]);
  assert.deepEqual([good.stdout, good.stderr, good.status], ['', '', 0]);
  const failing = `${chatter} job.defer(function refuse() { throw new Error('no'); });`;
  const bad = runCommandLine(['--quiet', baseOfKilledWorker(t, failing)]);
  assert.match(bad.stdout, /refuse: failed \(attempt 1, \d+ ms\): no; to be tried again/);
  assert.equal(bad.stderr, 'chatter | hello\n');
});

test('progress has a rate and the time that is left', () => {
  assert.equal(progressText(0, 300, 1000), '0 of 300 files, 0.0 a second');
  assert.equal(progressText(100, 300, 10_000), '100 of 300 files, 10 a second, 20s left');
  assert.equal(progressText(3, 300, 10_000), '3 of 300 files, 0.3 a second, 16m left');
  assert.equal(progressText(300, 300, 10_000), '300 of 300 files, 30 a second');
});

const noTerminal = spawnSync('script', ['--version']).error ? 'NOT TESTED: script(1) is missing' : false;

test('on a terminal progress comes after a second, and goes before a line is printed', {
  skip: noTerminal,
}, async t => {
  const base = baseOfKilledWorker(t, `job.defer(DeferredFunction.command('cat', [base + '/gate']));`);
  const fifo = makeGate(base);
  const command = `'${process.execPath}' '${commandLinePath}' '${base}'`;
  const child = spawn('script', ['--quiet', '--return', '--command', command, '/dev/null'], {
    env: { ...plainEnvironment(), TERM: 'xterm' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  let shown = '';
  const seen = new Promise<void>(resolve => {
    child.stdout.setEncoding('utf8').on('data', text => {
      shown += text;
      if (shown.includes('0 of 1 files')) resolve();
    });
  });
  const letThrough = await arrivalAt(fifo);
  await seen;
  await letThrough();
  await once(child, 'close');
  // The line is taken away before another is printed in its place, and may come back after it.
  const pieces = shown.split('\r\u001b[K');
  assert.ok(
    pieces.some(piece => /^[^\n]*: running\r\n {2}cat [^\n]*\r\n/.test(piece)),
    shown,
  );
  assert.match(pieces.at(-1) ?? '', /live owners\r\n$/);
  for (const piece of pieces.filter(text => text.includes('of 1 files')))
    assert.match(piece, /^[01] of 1 files, [\d.]+ a second(, \d+s left)?$/);
});

test('a sweep that can print nothing of its functions goes on', t => {
  const base = baseOfKilledWorker(
    t,
    `job.defer(function chatter() { for (let i = 0; i < 1000; i++) console.log('x'.repeat(1000)); });
     job.defer(promises.writeFile, base + '/proof', '');`,
  );
  writeFileSync(join(base, 'nothing'), '');
  const line = `exec 2>&-; exec '${process.execPath}' '${commandLinePath}' '${base}' >/dev/null`;
  assert.equal(spawnSync('sh', ['-c', line], { env: plainEnvironment() }).status, 0);
  assert.ok(existsSync(join(base, 'proof')));
});
