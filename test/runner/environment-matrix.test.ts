/**
 * Every way an owner was set up × every way its sweeper is × what became of the working directory: a function finds its
 * owner's options, nothing of its sweeper's, and its own directory or none. `npm run test:full` tries all of them.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commandLinePath, plainEnvironment } from '../helpers/command-line.ts';
import { notForOthers } from '../helpers/other-user.ts';
import { makeProject, type Project, runNode } from '../helpers/program.ts';
import { sample } from '../helpers/size.ts';

/** Whatever a function can find of both. */
interface Found {
  readonly loader: string | undefined;
  readonly file: string | undefined;
  readonly condition: string;
  readonly umask: number;
  readonly isRestricted: boolean;
}

interface Owner {
  readonly options?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly umask?: number;
  readonly found: Partial<Found>;
}

const permission = process.allowedNodeEnvironmentFlags.has('--permission')
  ? '--permission'
  : '--experimental-permission';
const allowed = ['--allow-fs-read=*', '--allow-fs-write=*', '--allow-addons'];
const restricted = { isRestricted: true };
const hooked = { loader: "the owner's" };

const OWNERS: Readonly<Record<string, Owner>> = {
  plain: { found: {} },
  '-r': { options: ['-r', './setup.cjs'], found: hooked },
  '--import': { options: ['--import=./setup.mjs'], found: hooked },
  '--env-file': { options: ['--env-file=.env'], found: { file: "the owner's" } },
  '--conditions': { options: ['-C', 'special'], found: { condition: 'special' } },
  NODE_OPTIONS: { env: { NODE_OPTIONS: '--no-warnings -r "./a folder/setup.cjs"' }, found: hooked },
  umask: { umask: 0o077, found: { umask: 0o077 } },
  permission: { options: [permission, ...allowed], found: restricted },
  'permission with underscores': {
    options: [permission.replace(/(\w)-/g, '$1_'), ...allowed],
    found: restricted,
  },
  'permission in NODE_OPTIONS': {
    env: { NODE_OPTIONS: [permission, ...allowed].join(' ') },
    found: restricted,
  },
};

interface Directory {
  readonly skip?: string | false;
  readonly isKept?: true;
  /** What becomes of it after its owner's death. */
  change(path: string): void;
}

/** Makes it anew, with what relative names of the function would find. */
function makeAnew(path: string): void {
  for (const name of [path, join(path, 'x')]) mkdirSync(name);
  writeFileSync(join(path, 'mark'), "a stranger's");
}

const DIRECTORIES: Readonly<Record<string, Directory>> = {
  kept: { isKept: true, change: () => {} },
  gone: { change: path => rmSync(path, { recursive: true }) },
  replaced: {
    change: path => {
      renameSync(path, `${path}-away`);
      makeAnew(path);
    },
  },
  renamed: { change: path => renameSync(path, `${path}-away`) },
  "another user's": {
    skip: notForOthers,
    change: path => {
      renameSync(path, `${path}-away`);
      makeAnew(path);
      chownSync(path, 65534, 65534);
    },
  },
};

/** The shell's words before it becomes the sweeper, `"$@"`; of its own it has a folder. */
const SWEEPERS: Readonly<Record<string, string>> = {
  plain: '',
  'options of Node': 'export NODE_OPTIONS="-r ./setup.cjs -C other"; ',
  'umask and signals': "umask 777; trap '' HUP INT TERM USR1 USR2 CHLD; ",
  'no directory': 'mkdir gone; cd gone; rmdir ../gone; ',
};

const FILES = {
  'setup.cjs': `globalThis.loader = "the owner's";`,
  'setup.mjs': `globalThis.loader = "the owner's";`,
  'a folder/setup.cjs': `globalThis.loader = "the owner's";`,
  '.env': `FROM_FILE="the owner's"\n`,
  'package.json':
    '{ "imports": { "#which": { "special": "./special.mjs", "other": "./other.mjs", "default": "./default.mjs" } } }',
  'special.mjs': `export default 'special';`,
  'other.mjs': `export default 'other';`,
  'default.mjs': `export default 'default';`,
  'tell.mjs': `
    import fs from 'node:fs';
    import condition from '#which';
    const attempt = step => { try { return step() ?? 'done'; } catch (error) { return error.code; } };
    // The code is empty where Node removes by C++.
    const isDone = step => { try { step(); return true; } catch { return false; } };
    export function tell(to) {
      const [, ignored] = /^SigIgn:\\t(.*)$/m.exec(fs.readFileSync('/proc/self/status', 'utf8'));
      fs.writeFileSync(to, JSON.stringify({
        found: {
          loader: globalThis.loader, file: process.env.FROM_FILE, condition, umask: process.umask(),
          isRestricted: process.permission !== undefined,
        },
        // Of those that the sweeper ignores; Node itself ignores others.
        ignored: String(BigInt('0x' + ignored) & 0x14a03n),
        mark: attempt(() => fs.readFileSync('mark', 'utf8')),
        removed: ['x', '../x', '../../x'].map(path => isDone(() => fs.rmSync(path, { recursive: true, force: true }))),
      }));
    }`,
  'main.mjs': `
    import { DeferredFunction, DeferredFunctionManager } from 'deferred-sweep';
    const [work, to, umask] = process.argv.slice(2);
    process.chdir(work);
    process.umask(Number(umask));
    const job = await new DeferredFunctionManager(process.env.BASE, { logger: null }).open({ sweep: 'none' });
    // A restricted program has no inspector to look for it.
    const module = new URL('tell.mjs', import.meta.url).href;
    job.defer(DeferredFunction.of({ module, export: 'tell' }, to));
    process.kill(process.pid, 'SIGKILL');`,
};

const points = Object.keys(OWNERS).flatMap(owner =>
  Object.keys(DIRECTORIES).flatMap(directory =>
    Object.keys(SWEEPERS).map(sweeper => ({ owner, directory, sweeper })),
  ),
);
const chosen = sample(points, 12);
const skip = existsSync('/proc/self/status')
  ? false
  : 'NOT TESTED: there is no /proc to tell ignored signals';

for (const [sweeper, shell] of Object.entries(SWEEPERS)) {
  const mine = chosen.filter(point => point.sweeper === sweeper);
  test(`a function finds its owner's options and directory, or none, and nothing of a sweeper with ${sweeper}: ${mine.length} of ${points.length} cases`, {
    skip,
  }, t => {
    const project = makeProject(t, FILES);
    const left = mine.flatMap(({ owner, directory }, index) => leaveOrphan(project, owner, directory, index));
    const own = makeProject(t, {
      'setup.cjs': `globalThis.loader = "the sweeper's";`,
    });
    const command = `cd "$1"; shift; ${shell}exec "$@"`;
    const argv = [
      '--norc',
      '-c',
      command,
      'bash',
      own.directory,
      process.execPath,
      commandLinePath,
      '--json',
      project.base,
    ];
    const ended = spawnSync('/bin/bash', argv, { env: plainEnvironment(), encoding: 'utf8' });
    assert.equal(ended.status, 0, ended.stdout + ended.stderr);
    const wrong = left.flatMap(({ to, label, ...expected }) => {
      const given = JSON.parse(readFileSync(to, 'utf8')) as object;
      try {
        assert.deepEqual(given, { ...expected, ignored: '0' });
        return [];
      } catch (error) {
        return [`${label}: ${(error as Error).message}`];
      }
    });
    assert.deepEqual(wrong, []);
  });
}

/** What the function of a killed owner should find, and where it writes what it found. */
function leaveOrphan(project: Project, owner: string, directory: string, index: number) {
  const { options = [], env = {}, umask = 0o022, found } = OWNERS[owner]!;
  const { skip: cannot = false, isKept = false, change } = DIRECTORIES[directory]!;
  if (cannot !== false) return [];
  const work = join(project.directory, String(index), 'inner', 'work');
  const to = join(project.directory, `${index}.json`);
  mkdirSync(join(work, 'x'), { recursive: true });
  writeFileSync(join(work, 'mark'), 'its own');
  const ended = runNode(project, [...options, 'main.mjs', work, to, String(umask)], { env });
  assert.equal(ended.signal, 'SIGKILL', `${owner}: ${ended.stderr}`);
  change(work);
  return [
    {
      label: `${owner}, directory ${directory}`,
      to,
      found: { condition: 'default', umask: 0o022, isRestricted: false, ...found },
      mark: isKept ? 'its own' : 'ESRCH',
      removed: Array(3).fill(isKept),
    },
  ];
}
