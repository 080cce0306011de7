/** The program: where a sweep finds nothing, it answers as the command would, without loading it. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandLinePath, packageRoot, plainEnvironment } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { sample } from '../helpers/size.ts';
import { freshPlace, leaveOrphan } from '../helpers/worker.ts';

const command = join(packageRoot, 'dist/cli/main.js');

/** What a run prints, but for the time it took, and how it ends. */
function outcome(program: string, args: readonly string[], base: string): unknown {
  const env = { ...plainEnvironment(), DEFERRED_SWEEP_DIR: base };
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    env,
    encoding: 'utf8',
  });
  return { status, stdout: stdout.replaceAll(/"ms":[\d.]+/g, '"ms":0'), stderr };
}

const answered: readonly (readonly string[])[] = [
  [],
  ['sweep'],
  ['--json'],
  ['--json', '--totals', '--quiet'],
  ['--json', '--totals', '--exit-zero', '--deadline', '15s', '--concurrency=2'],
  ['--quiet', '--trust', '/'],
  ['--quiet', '--', '/nowhere'],
];
const passedOn: readonly (readonly string[])[] = [
  ['--help'],
  ['--version'],
  ['--dry-run'],
  ['--totals'],
  ['--user', '1'],
  ['--user-timeout', '1s'],
  ['--jsn'],
  ['--state', 'dead'],
  ['--deadline', 'soon'],
  ['nowhere'],
  ['/nowhere/at/all'],
  [''],
  ['list'],
  ['cleanup', '/nowhere'],
];

test('a sweep that finds nothing prints and ends as the command does, which it does not load', t => {
  const base = freshDirectory(t);
  const alone = join(freshDirectory(t), 'start.cjs');
  copyFileSync(commandLinePath, alone);
  for (const made of [() => {}, () => mkdirSync(join(base, 'deferred'), 0o700)]) {
    made();
    for (const args of sample(answered, 3))
      assert.deepEqual(outcome(alone, args, base), outcome(command, args, base), args.join(' '));
  }
});

test('it loads none of what Node itself would have to compile first: streams, and all that comes with them', t => {
  const directory = freshDirectory(t);
  copyFileSync(commandLinePath, join(directory, 'start.cjs'));
  const teller = join(directory, 'teller.cjs');
  writeFileSync(
    teller,
    `const known = new Set(process.moduleLoadList);
    require('./start.cjs');
    const loaded = process.moduleLoadList.filter(name => /stream|zlib|crypto|esm/.test(name) && !known.has(name));
    if (loaded.length > 0) console.log('loaded: ' + loaded);`,
  );
  const base = freshDirectory(t);
  assert.deepEqual(outcome(teller, [], base), outcome(command, [], base));
});

test('everything else is passed on to the command', t => {
  const base = freshDirectory(t);
  for (const args of sample(passedOn, 5))
    assert.deepEqual(outcome(commandLinePath, args, base), outcome(command, args, base), args.join(' '));
});

test('a directory with a file, a dead letter that was moved, or an unsafe way is passed on, and told of once', t => {
  for (const spoil of [
    (directory: string) => writeFileSync(join(directory, 'func'), 'x', { mode: 0o644 }),
    (directory: string) => writeFileSync(join(directory, `func${'0'.repeat(25)}-1`), 'x', { mode: 0o600 }),
    (directory: string) => chmodSync(directory, 0o777),
  ]) {
    const base = freshDirectory(t);
    const directory = join(base, 'deferred');
    mkdirSync(directory, 0o700);
    spoil(directory);
    const told = outcome(command, ['/nowhere', base], base);
    assert.notEqual((told as { status: number }).status, 0);
    assert.deepEqual(outcome(commandLinePath, ['/nowhere', base], base), told);
  }
});

test("where the system gives too few descriptors, one line says so and what to do, and the status is no job's", async t => {
  const { base, ledger } = freshPlace(t);
  await leaveOrphan(t, { base, ledger, calls: [{ do: 'append', text: 'late' }] });
  const run = (limit: number, ...argv: string[]) =>
    spawnSync('sh', ['-c', `ulimit -n ${limit}; exec "$0" "$@"`, process.execPath, ...argv], {
      env: { ...plainEnvironment(), DEFERRED_SWEEP_DIR: base },
      encoding: 'utf8',
    });
  const empty = join(freshDirectory(t), 'empty.cjs');
  writeFileSync(empty, '');
  // With fewer Node itself does not start, or cannot read the program.
  const least = Array.from({ length: 40 }, (_, limit) => limit).find(
    limit => run(limit, empty).status === 0,
  )!;
  const told = /^deferred-sweep: cannot .*EMFILE.*\(ulimit -n\)\n$/;
  for (const [status, ...args] of [
    [3, 'list'],
    [3, '--json', base],
    [125, 'exec', '--', 'true'],
  ] as const) {
    const ended = run(least, commandLinePath, ...args);
    assert.equal(ended.status, status, ended.stderr);
    assert.match(ended.stderr, told);
  }
  for (let limit = least; limit < least + 12; limit++) {
    const { status, stdout, stderr } = run(limit, commandLinePath, 'list');
    if (status === 0) assert.match(stdout, /^orphan\t/, `${limit}: ${stdout}`);
    else assert.match(stderr, told, `${limit}`);
  }
});
