/** Two packed versions of this package, with different major versions of the format, at work in one state directory. */
import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { ListReport, SweepReport } from '#dist/index.js';
import { read } from '../helpers/calls.ts';
import { packageRoot } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

/** Packs this package and unpacks it twice; the second writes and reads the next major version of the format. */
function unpackBoth(root: string): readonly [ours: string, next: string] {
  const packed = execFileSync('npm', ['pack', '--silent', '--ignore-scripts', '--pack-destination', root], {
    cwd: packageRoot,
    encoding: 'utf8',
  });
  const tarball = join(root, packed.trim().split('\n').at(-1)!);
  const [ours, next] = ['ours', 'next'].map(name => {
    const directory = join(root, name, 'package');
    mkdirSync(join(root, name));
    execFileSync('tar', ['-xzf', tarball, '-C', join(root, name)]);
    symlinkSync(join(packageRoot, 'node_modules'), join(root, name, 'node_modules'));
    // Without scripts there is no prebuilt addon in it.
    cpSync(join(packageRoot, 'build/Release'), join(directory, 'build/Release'), { recursive: true });
    return directory;
  }) as [string, string];
  const records = join(next, 'dist/chunks/runner.js');
  const source = readFileSync(records, 'utf8');
  const patched = source.replace('FORMAT_VERSION = 1;', 'FORMAT_VERSION = 2;');
  assert.notEqual(patched, source);
  writeFileSync(records, patched);
  return [ours, next];
}

/** What a program prints that uses one of the versions; `p` is the package, `base` the state directory's base. */
function use(version: string, base: string, program: string): string {
  const script = `const [version, base] = process.argv.slice(1);
    const p = await import(version + '/dist/index.js');
    const { appendFileSync } = await import('node:fs');
    ${program}`;
  const args = ['--input-type=module', '--eval', script, version, base];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
  return stdout;
}

const sweepWith = (version: string, base: string): SweepReport =>
  JSON.parse(
    use(
      version,
      base,
      'console.log(JSON.stringify(await p.DeferredFunctionManager.cleanupWorker(base, { logger: null })))',
    ),
  ) as SweepReport;

/** An owner that dies with two functions: one notes `text` in the ledger, one fails and has one attempt. */
function leave(version: string, base: string, ledger: string, text: string): void {
  use(
    version,
    base,
    `const job = await new p.DeferredFunctionManager(base, { logger: null, maxAttempts: 1 }).open({ sweep: 'none' });
     job.defer(appendFileSync, ${JSON.stringify(ledger)}, ${JSON.stringify(`${text}\n`)});
     job.defer(() => { throw new Error('${text}') });
     process.exit()`,
  );
}

function contentsOf(directory: string): Record<string, string> {
  const names = readdirSync(directory, { recursive: true, withFileTypes: true });
  const files = names.filter(entry => entry.isFile()).map(entry => join(entry.parentPath, entry.name));
  return Object.fromEntries(files.map(path => [path, readFileSync(path, 'latin1')]));
}

function setUp(t: TestContext): { versions: readonly [string, string]; base: string; ledger: string } {
  const root = freshDirectory(t);
  const base = join(root, 'base');
  mkdirSync(base);
  return { versions: unpackBoth(root), base, ledger: join(root, 'ledger') };
}

test('two versions with different formats work in one directory: neither touches the other’s files, each names them by a code, nothing is lost', t => {
  const { versions, base, ledger } = setUp(t);
  const [ours, next] = versions;
  const directory = join(base, 'deferred');
  leave(ours, base, ledger, 'ours');
  const [ourFile] = Object.keys(contentsOf(directory));
  leave(next, base, ledger, 'next');
  const before = contentsOf(directory);
  const [nextFile] = Object.keys(before).filter(path => path !== ourFile);
  assert.ok(ourFile && nextFile);

  for (const [version, own, other, text] of [
    [ours, ourFile, nextFile, 'ours'],
    [next, nextFile, ourFile, 'next'],
  ] as const) {
    // The other version's orphan, and a letter of it, are there.
    writeFileSync(own, before[own]!, { encoding: 'latin1', mode: 0o600 });
    writeFileSync(other, before[other]!, { encoding: 'latin1', mode: 0o600 });
    rmSync(ledger, { force: true });
    const others = contentsOf(directory);
    delete others[own];

    const report = sweepWith(version, base);
    assert.deepEqual(read(ledger), [text]);
    const of = (path: string) => report.files.find(file => file.path === path);
    assert.deepEqual(
      of(own)?.functions.map(({ outcome }) => outcome),
      ['ok', 'failed'],
    );
    assert.deepEqual(
      [of(other)?.outcome, of(other)?.error?.code, of(other)?.isRetired],
      ['refused', 'DEFERRED_STATE_VERSION', false],
    );
    const after = contentsOf(directory);
    for (const [path, bytes] of Object.entries(others)) assert.equal(after[path], bytes, path);
    assert.equal(after[own], undefined);

    const listed = JSON.parse(
      use(version, base, 'console.log(JSON.stringify(await p.list(base)))'),
    ) as ListReport;
    const codes = listed.files.map(file => file.error?.code);
    assert.ok(codes.includes('DEFERRED_STATE_VERSION'), JSON.stringify(listed));
  }
});
