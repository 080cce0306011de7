/** Functions of every kind, each run at the end of its own job, as an orphan, and as an orphan after its module changed. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CHANGED } from '../fixtures/fn-project/row.ts';

const testRoot = fileURLToPath(new URL('../', import.meta.url));
const sources = fileURLToPath(new URL('../../test/fixtures/fn-project/', import.meta.url));
const cli = fileURLToPath(new URL('../../dist/cli/main.js', import.meta.url));

interface Entry {
  readonly label: string;
  readonly stored: string;
  readonly shouldBeStored: string;
  readonly expected: string;
  readonly changed: string;
}

interface Place {
  readonly root: string;
  readonly base: string;
  readonly out: string;
  readonly manifest: string;
}

/** A copy of the project, inside of this package so that it finds `deferred-sweep`. */
function copyProject(t: TestContext): Place {
  const root = mkdtempSync(join(testRoot, 'project-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  cpSync(join(testRoot, 'fixtures', 'fn-project'), root, { recursive: true });
  // The compiler leaves CommonJS files where they are.
  for (const name of ['legacy.cjs', 'single.cjs']) cpSync(join(sources, name), join(root, name));
  const fnPackage = join(root, 'node_modules', 'fn-package');
  mkdirSync(fnPackage, { recursive: true });
  writeFileSync(
    join(fnPackage, 'package.json'),
    '{ "name": "fn-package", "type": "module", "main": "index.js" }',
  );
  writeFileSync(join(fnPackage, 'index.js'), "export default 'a package';");
  return { root, base: join(root, 'base'), out: join(root, 'out'), manifest: join(root, 'manifest') };
}

function runWorker({ root, base, out, manifest }: Place, ending: 'close' | 'crash'): Entry[] {
  const argv = [join(root, 'worker.js'), ending, base, out, manifest];
  const { signal, status, stderr } = spawnSync(process.execPath, argv, { encoding: 'utf8' });
  assert.ok(existsSync(manifest), `the worker ended with ${status ?? signal}: ${stderr}`);
  assert.equal(stderr, '', 'nothing is printed, neither a warning nor a failure');
  assert.equal(signal, ending === 'crash' ? 'SIGKILL' : null);
  return JSON.parse(readFileSync(manifest, 'utf8')) as Entry[];
}

function sweepOrphans({ base }: Place): void {
  const { stdout, stderr } = spawnSync(process.execPath, [cli, '--json', base], {
    encoding: 'utf8',
    cwd: '/',
  });
  assert.equal(stderr, '');
  const report = JSON.parse(stdout) as { files: { functions: { outcome: string }[] }[] };
  const failures = report.files.flatMap(file => file.functions).filter(ran => ran.outcome !== 'ok');
  assert.deepEqual(failures, []);
}

function assertRan({ out }: Place, entries: readonly Entry[], column: 'expected' | 'changed'): void {
  const lines = readFileSync(out, 'utf8').trim().split('\n');
  const ran = new Map(lines.map(line => JSON.parse(line) as [string, string]));
  assert.equal(ran.size, lines.length, 'each ran once');
  for (const entry of entries) assert.equal(ran.get(entry.label), entry[column], entry.label);
  assert.ok(entries.length >= 40, `only ${entries.length} callables`);
}

test('functions of every kind run at the end of their own job, stored as they should be', t => {
  const place = copyProject(t);
  const entries = runWorker(place, 'close');
  for (const entry of entries) assert.equal(entry.stored, entry.shouldBeStored, entry.label);
  assertRan(place, entries, 'expected');
});

test('functions of every kind run in another process when their worker was killed', t => {
  const place = copyProject(t);
  const entries = runWorker(place, 'crash');
  assert.equal(existsSync(place.out), false, 'nothing ran before the sweep');
  sweepOrphans(place);
  assertRan(place, entries, 'expected');
});

test('after their module was changed, stored references find the new code and stored sources keep the old', t => {
  const place = copyProject(t);
  const entries = runWorker(place, 'crash');
  const library = join(place.root, 'library.js');
  const original = readFileSync(library, 'utf8');
  const changed = original.replaceAll("'original'", `'${CHANGED}'`);
  assert.notEqual(changed, original);
  writeFileSync(library, changed);
  sweepOrphans(place);
  assertRan(place, entries, 'changed');
  assert.ok(entries.some(entry => entry.changed !== entry.expected));
});
