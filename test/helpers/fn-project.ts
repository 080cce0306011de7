/** The project of test/fixtures/fn-project, which defers functions of every kind, in the forms programs are run in. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { commandLinePath, linkPackage, packageRoot } from './command-line.ts';

const compiled = join(packageRoot, 'dist-test', 'fixtures', 'fn-project');
const sources = join(packageRoot, 'test', 'fixtures', 'fn-project');

/** A function that was deferred, as the project's manifest tells. */
export interface Entry {
  readonly label: string;
  readonly stored: string;
  readonly shouldBeStored: string;
  readonly expected: string;
  readonly changed: string;
}

/** A copy of the project. */
export interface Place {
  readonly root: string;
  readonly base: string;
  readonly out: string;
  readonly manifest: string;
}

/** How a program is run. */
export interface Form {
  readonly label: string;
  /** Which files the project consists of. */
  readonly language: 'js' | 'ts';
  /** What a deploy replaces, relative to the project. */
  readonly deployed: string;
  readonly stores: 'modules' | 'commonjs' | 'bundled' | 'lowered' | 'vitest';
  /** False, or why it cannot be run here. */
  readonly skip: string | false;
  /** Builds what has to be built. */
  build?(root: string): void;
  /** The command that runs it with this plan. */
  command(root: string, plan: string): readonly [file: string, ...argv: string[]];
  readonly env?: (plan: string) => NodeJS.ProcessEnv;
}

/** A copy of the project, which finds `deferred-sweep` and the tools among its packages. */
export function copyProject(t: TestContext, form: Form): Place {
  const root = mkdtempSync(join(packageRoot, 'dist-test', 'project-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  cpSync(form.language === 'ts' ? sources : compiled, root, { recursive: true });
  for (const name of ['legacy.cjs', 'single.cjs']) {
    const text = readFileSync(join(sources, name), 'utf8');
    writeFileSync(join(root, name), text.replaceAll('./record.js', `./record.${form.language}`));
  }
  writeFileSync(join(root, 'package.json'), '{ "type": "module" }');
  linkPackage(root);
  const fnPackage = join(root, 'node_modules', 'fn-package');
  mkdirSync(fnPackage);
  const description = '{ "name": "fn-package", "type": "module", "main": "index.js" }';
  writeFileSync(join(fnPackage, 'package.json'), description);
  writeFileSync(join(fnPackage, 'index.js'), "export default 'a package';");
  form.build?.(root);
  return { root, base: join(root, 'base'), out: join(root, 'out'), manifest: join(root, 'manifest') };
}

/** Runs the project to its end; returns what it deferred. */
export function runProject(form: Form, place: Place, ending: 'close' | 'crash'): Entry[] {
  const { root, ...paths } = place;
  const plan = JSON.stringify({ ...paths, ending, form: form.stores });
  const [file, ...argv] = form.command(root, plan);
  const env = { ...process.env, ...form.env?.(plan) };
  // Set by the test runner that runs this: a test runner below it would talk to it.
  delete env.NODE_TEST_CONTEXT;
  const { signal, status, stdout, stderr } = spawnSync(file, argv, { encoding: 'utf8', cwd: root, env });
  assert.ok(
    existsSync(place.manifest),
    `the program ended with ${status ?? signal}: ${stdout.slice(-2000)}${stderr.slice(-2000)}`,
  );
  if (form.stores !== 'vitest')
    assert.equal(stderr, '', 'nothing is printed, neither a warning nor a failure');
  if (ending === 'close') assert.equal(status, 0, stdout + stderr);
  return JSON.parse(readFileSync(place.manifest, 'utf8')) as Entry[];
}

/** Sweeps in a process of its own, from elsewhere. */
export function sweepOrphans({ base }: Place): void {
  const { stdout, stderr } = spawnSync(process.execPath, [commandLinePath, '--json', base], {
    encoding: 'utf8',
    cwd: '/',
  });
  assert.equal(stderr, '');
  const report = JSON.parse(stdout) as { files: { functions: { outcome: string }[] }[] };
  const failures = report.files.flatMap(file => file.functions).filter(ran => ran.outcome !== 'ok');
  assert.deepEqual(failures, []);
}

/** Puts a new version where the functions were read from. */
export function deploy({ root }: Place, form: Form, from: string, to: string): void {
  const path = join(root, form.deployed);
  const original = readFileSync(path, 'utf8');
  const changed = original.replaceAll(new RegExp(`(['"\`])${from}\\1`, 'g'), `$1${to}$1`);
  assert.notEqual(changed, original);
  writeFileSync(path, changed);
}

export function assertRan({ out }: Place, entries: readonly Entry[], column: 'expected' | 'changed'): void {
  const lines = readFileSync(out, 'utf8').trim().split('\n');
  const ran = new Map(lines.map(line => JSON.parse(line) as [string, string]));
  assert.equal(ran.size, lines.length, 'each ran once');
  for (const entry of entries) assert.equal(ran.get(entry.label), entry[column], entry.label);
  assert.ok(entries.length >= 40, `only ${entries.length} callables`);
}
