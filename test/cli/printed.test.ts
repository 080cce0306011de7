import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { sweep } from '#dist/index.js';
import {
  baseOfKilledWorker,
  commandLinePath,
  plainEnvironment,
  runCommandLine,
} from '../helpers/command-line.js';
import { freshDirectory } from '../helpers/fresh-directory.js';

const hostile = '\u001b[2Jno\r\n/state/deferred: 99 done, 0 failed\u202e\u2066\u0085\u009b\u007f\ud800\ufeff';
const unprintable = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

/** A killed worker whose label, function's name and function's error are hostile. */
const body = `
  const fn = () => { throw new Error(${JSON.stringify(hostile)}); };
  Object.defineProperty(fn, 'name', { value: ${JSON.stringify(hostile.replace('\ud800', ''))} });
  job.defer(fn);`;
const options = `{ label: ${JSON.stringify(hostile.replace('\ud800', ''))} }`;

test('no name, label or error of a job reaches the terminal as a control character or a line of its own', t => {
  const { stdout, status } = runCommandLine([baseOfKilledWorker(t, body, options)]);
  assert.equal(status, 1);
  const lines = stdout.trimEnd().split('\n');
  assert.equal(lines.length, 3); // the file, its function, the sum
  for (const line of lines) assert.doesNotMatch(line, unprintable);
  assert.ok(lines[1]?.includes('\\u001b[2Jno\\r\\n/state'));
});

test('--json has none of them either, and parses to the names as they were', t => {
  const { stdout } = runCommandLine(['--json', baseOfKilledWorker(t, body, options)]);
  assert.doesNotMatch(stdout.trimEnd(), unprintable);
  const [file] = JSON.parse(stdout).files;
  assert.equal(file.functions[0].name, hostile.replace('\ud800', ''));
});

test('a logger is told what went wrong in texts of one line each, whatever is quoted in them', async t => {
  const warnings: string[] = [];
  const base = baseOfKilledWorker(t, body, options);
  await sweep(base, { logger: { info() {}, warn: text => void warnings.push(text) } });
  assert.ok(warnings.length > 0);
  for (const text of warnings) {
    assert.ok(text.startsWith('deferred-sweep: '));
    assert.doesNotMatch(text, unprintable);
  }
});

test('a hostile path is printed as safely: of a directory that is refused, and of a wrong command line', t => {
  const base = join(freshDirectory(t), 'x\u001b[2J\n\u202e');
  mkdirSync(base);
  writeFileSync(join(base, 'deferred'), '');
  for (const args of [[base], [`--${hostile}`]]) {
    const { stderr, status } = runCommandLine(args);
    assert.ok(status !== 0);
    for (const line of stderr.trimEnd().split('\n')) assert.doesNotMatch(line, unprintable);
    assert.doesNotMatch(stderr, /^\/state/m);
  }
});

test('a hostile name is printed as safely by exec and defer, of what they cannot start', t => {
  const program = 'x\u001b[2J\n\u202e';
  const base = freshDirectory(t);
  const inside = [process.execPath, commandLinePath, 'defer', '--', program];
  for (const args of [
    ['--', program],
    ['--', ...inside],
    ['--base', join('/etc/passwd', program), '--', 'true'],
  ]) {
    const { stderr, status } = runCommandLine(['exec', ...args], {
      env: { ...plainEnvironment(), DEFERRED_SWEEP_DIR: base },
    });
    assert.ok(status !== 0);
    assert.match(stderr, /^deferred-sweep: (exec|defer): .*x\\u001b\[2J\\n\\u202e.*\n$/);
    assert.doesNotMatch(stderr.trimEnd(), unprintable);
  }
});
