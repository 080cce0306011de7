/** Whose the files are that Node loads before a program, at registration and when its functions run. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { constants, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { loadersOf } from '#dist/trust/loaders.js';
import { plainEnvironment } from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';
import { sample } from '../helpers/size.ts';
import { ALICE, commonDirectory, directoryOf, MALLORY, notRoot, printedBy } from '../helpers/users.ts';

test('every spelling of every option that names a loader is seen', () => {
  const directory = import.meta.dirname;
  const seen = (execArgv: string[], nodeOptions = ''): string[] =>
    loadersOf({ execArgv, nodeOptions, directory });
  for (const option of ['--import', '--require', '-r', '--loader', '--experimental-loader'])
    assert.deepEqual(seen([option, '/a b/x.mjs']), ['/a b/x.mjs'], option);
  assert.deepEqual(seen(['--import=./x.mjs']), [join(directory, 'x.mjs')]);
  assert.deepEqual(seen(['--import=../x.mjs']), [join(dirname(directory), 'x.mjs')]);
  assert.deepEqual(seen(['--import', 'file:///a%20b/x.mjs']), ['/a b/x.mjs']);
  assert.deepEqual(seen([], '--require "/a b/\\"x.cjs" --import=/y.mjs'), ['/a b/"x.cjs', '/y.mjs']);
  assert.deepEqual(seen(['--env-file=.env', '--env-file-if-exists', '/z']), [join(directory, '.env'), '/z']);
  assert.match(seen(['--import', 'tsx'])[0] ?? '', /\/node_modules\/tsx\//);
  assert.deepEqual(seen(['--import', 'data:text/javascript,', '--no-warnings', '--stack-size=1000']), []);
  assert.deepEqual(seen(['--import']), []);
});

interface Attack {
  /** Options of the victim's Node, its directory being `directory`. */
  readonly argv?: (directory: string) => string[];
  readonly nodeOptions?: (directory: string) => string;
  /** Where the victim's Node is started. @defaultValue `/` */
  readonly cwd?: (directory: string) => string;
  /** Within the directory. */
  readonly file: string;
  /** What is in it besides, by name. */
  readonly more?: Readonly<Record<string, string>>;
}

const esm = 'loader.mjs';
const attacks: Readonly<Record<string, Attack>> = {
  '--import': { file: esm, argv: directory => ['--import', join(directory, esm)] },
  '--require': { file: 'loader.cjs', argv: directory => ['--require', join(directory, 'loader.cjs')] },
  '--loader': { file: esm, argv: directory => ['--no-warnings', '--loader', join(directory, esm)] },
  NODE_OPTIONS: { file: esm, nodeOptions: directory => `--import="${join(directory, esm)}"` },
  'a relative --import': {
    file: esm,
    cwd: dirname,
    argv: directory => ['--import', `./${basename(directory)}/${esm}`],
  },
  'a package': {
    file: 'node_modules/hook/index.mjs',
    more: { 'node_modules/hook/package.json': '{"name":"hook","exports":{"import":"./index.mjs"}}' },
    cwd: directory => directory,
    argv: () => ['--import', 'hook'],
  },
};

/** The victim's directory, or what another user has made in its place. Its loader says who ran it. */
function makeDirectory(directory: string, uid: number, { file, more = {} }: Attack, marker: string): void {
  const say =
    `const { appendFileSync } = process.getBuiltinModule('node:fs');` +
    `if (process.getuid() === ${ALICE}) appendFileSync(${JSON.stringify(marker)}, 'loaded ');`;
  const script = `const fs = require('node:fs'); const { dirname } = require('node:path');
    for (const [path, text] of JSON.parse(process.argv[1])) {
      fs.mkdirSync(dirname(path), { recursive: true });
      fs.writeFileSync(path, text);
    }`;
  const files = [[file, say] as const, ...Object.entries(more)].map(([name, text]) => [
    join(directory, name),
    text,
  ]);
  const made = spawnSync(process.execPath, ['-e', script, JSON.stringify(files)], {
    uid,
    gid: uid,
    cwd: '/',
    encoding: 'utf8',
  });
  assert.equal(made.status, 0, made.stderr);
}

/** The victim dies with a function registered. */
function leaveOrphan(attack: Attack, directory: string, base: string, marker: string): void {
  const program = `
    import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
    const [base, marker] = process.argv.slice(1);
    const job = await new DeferredFunctionManager(base, { logger: null }).open();
    job.defer(async to => (await import('node:fs')).appendFileSync(to, 'ran '), marker);
    process.kill(process.pid, 'SIGKILL');`;
  const { signal, stderr } = spawnSync(
    process.execPath,
    [...(attack.argv?.(directory) ?? []), '--input-type=module', '--eval', program, base, marker],
    {
      uid: ALICE,
      gid: ALICE,
      cwd: attack.cwd?.(directory) ?? '/',
      env: { ...plainEnvironment(), NODE_OPTIONS: attack.nodeOptions?.(directory) ?? '' },
      encoding: 'utf8',
    },
  );
  assert.equal(signal, 'SIGKILL', stderr);
}

function sweepAsVictim(base: string): string {
  return printedBy(
    { uid: ALICE },
    `const { files, ok, pending } = await sweep(args[0], { logger: null, retryDelayMs: 0 });
     const codes = files.flatMap(({ functions, error }) => [error?.code, ...functions.map(({ error }) => error?.code)]);
     console.log(JSON.stringify([ok, pending, ...codes.filter(Boolean)]));`,
    base,
  );
}

function places(t: TestContext): { directory: string; base: string; marker: string } {
  const directory = mkdtempSync('/tmp/deferred-sweep-test-');
  const top = commonDirectory(freshDirectory(t));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  rmSync(directory, { recursive: true });
  const base = directoryOf(join(top, 'base'), ALICE, 0o700);
  mkdirSync(join(top, 'out'));
  return { directory, base, marker: join(directoryOf(join(top, 'out'), ALICE, 0o700), 'marker') };
}

for (const [what, attack] of sample(Object.entries(attacks), 2)) {
  test(`under /tmp, ${what} that another user made anew is not loaded, one made anew by the victim is`, {
    skip: notRoot,
  }, t => {
    const { directory, base, marker } = places(t);
    makeDirectory(directory, ALICE, attack, marker);
    leaveOrphan(attack, directory, base, marker);
    rmSync(marker);
    rmSync(directory, { recursive: true });
    makeDirectory(directory, MALLORY, attack, marker);
    const isElsewhere = attack.cwd?.(directory) === directory;
    const swept = sweepAsVictim(base);
    if (isElsewhere) {
      // The directory in which Node was started is another: nothing relative to it is looked for.
      assert.equal(swept, '[1,0]');
      assert.equal(readFileSync(marker, 'utf8'), 'ran ');
      return;
    }
    assert.equal(swept, '[0,1,"DEFERRED_OWNER_CHANGED"]');
    assert.equal(existsSync(marker), false);
    rmSync(directory, { recursive: true });
    makeDirectory(directory, ALICE, attack, marker);
    assert.equal(sweepAsVictim(base), '[1,0]');
  });
}

test('an owner of a loader who was there when the function was registered stays trusted', {
  skip: notRoot,
}, t => {
  const { directory, base, marker } = places(t);
  const attack = attacks['--import'] as Attack;
  makeDirectory(directory, MALLORY, attack, marker);
  leaveOrphan(attack, directory, base, marker);
  assert.equal(sweepAsVictim(base), '[1,0]');
});

test('under /tmp, a Node that another user put in the place of the owner’s is not started', {
  skip: notRoot,
}, t => {
  const { directory, base, marker } = places(t);
  const node = join(directoryOf(directory, ALICE), 'node');
  copyFileSync(process.execPath, node, constants.COPYFILE_FICLONE);
  const program = `
    import { DeferredFunctionManager } from ${JSON.stringify(import.meta.resolve('#dist/index.js'))};
    const job = await new DeferredFunctionManager(process.argv[1], { logger: null }).open();
    job.defer(() => {});
    process.kill(process.pid, 'SIGKILL');`;
  const argv = ['--input-type=module', '--eval', program, base];
  const as = (uid: number) => ({ uid, gid: uid, cwd: '/', env: plainEnvironment() });
  assert.equal(spawnSync(node, argv, as(ALICE)).signal, 'SIGKILL');
  rmSync(directory, { recursive: true });
  const stranger =
    'mkdir "$0" && printf \'#!/bin/sh\necho stranger >> "%s"\n\' "$1" > "$0/node" && chmod 755 "$0/node"';
  assert.equal(spawnSync('sh', ['-c', stranger, directory, marker], as(MALLORY)).status, 0);
  assert.equal(sweepAsVictim(base), '[0,1,"DEFERRED_OWNER_CHANGED"]');
  assert.equal(existsSync(marker), false);
  rmSync(directory, { recursive: true });
  assert.equal(sweepAsVictim(base), '[1,0]');
});
