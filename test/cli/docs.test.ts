/** A new user who follows docs/cli.md from top to bottom gets what it says. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import {
  commandLinePath,
  linkPackage,
  packageRoot,
  plainEnvironment,
  runCommandLine,
} from '../helpers/command-line.ts';
import { freshDirectory } from '../helpers/fresh-directory.ts';

const page = readFileSync(join(packageRoot, 'docs/cli.md'), 'utf8');

interface Step {
  readonly command: string;
  readonly output: string;
}

/** The commands of all sessions on the page, with what they print. */
function stepsOf(text: string): Step[] {
  return [...text.matchAll(/```console\n(.*?)```/gs)].flatMap(([, session = '']) =>
    session
      .split(/^\$ /m)
      .slice(1)
      .map(step => {
        const [command = '', ...output] = step.split('\n');
        return { command, output: output.join('\n') };
      }),
  );
}

/** `…` stands for anything within a line. */
function pattern(text: string): RegExp {
  const parts = text.split('…').map(part => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return new RegExp(`^${parts.join('.*')}$`);
}

test('the examples of docs/cli.md, run in their order, print what the page says', t => {
  const directory = freshDirectory(t);
  const bin = join(directory, 'bin');
  mkdirSync(bin);
  chmodSync(commandLinePath, 0o755);
  symlinkSync(commandLinePath, join(bin, 'deferred-sweep'));
  linkPackage(directory);
  const [, program = assert.fail('no program')] = /```js\n(.*?)```/s.exec(page) ?? [];
  writeFileSync(join(directory, 'worker.mjs'), program);
  const steps = stepsOf(page);
  assert.ok(steps.length >= 10);
  const mark = '--- next ---';
  const script = steps.map(({ command }) => `${command}\necho '${mark}'\n`).join('');
  const path = `${bin}:${dirname(process.execPath)}:${process.env.PATH}`;
  const { stdout } = spawnSync('bash', ['-c', `exec 2>&1\n${script}`], {
    cwd: directory,
    env: { ...plainEnvironment(), PATH: path, DEFERRED_SWEEP_DIR: join(directory, 'state') },
    encoding: 'utf8',
  });
  const printed = stdout.split(`${mark}\n`);
  for (const [at, { command, output }] of steps.entries())
    assert.match(printed[at] ?? '', pattern(output), `$ ${command}\n${printed[at]}`);
});

/** Where a page describes the options of verbs: the section of this heading, or all of it. */
const SECTIONS: readonly (readonly [verbs: readonly string[], page: string, heading?: string])[] = [
  [['sweep', 'cleanup'], 'cli', 'sweep and cleanup'],
  [['sweep'], 'cli', 'Root for everybody'],
  [['watch'], 'cli', 'watch'],
  [['list'], 'cli', 'list'],
  [['show'], 'cli', 'show'],
  [['retry', 'discard'], 'cli', 'retry and discard'],
  [['doctor'], 'cli', 'doctor'],
  [['exec', 'defer', 'cancel'], 'exec'],
  [['cluster'], 'cluster', 'Setting it up'],
  [['cluster'], 'cluster', 'Command line'],
];

/** The table of `sweep` says of these that every verb that reads takes them. */
const OF_ALL_THAT_READ = ['trust', 'trust-group'];

function section(name: string, heading: string | undefined): string {
  const text = readFileSync(join(packageRoot, `docs/${name}.md`), 'utf8');
  if (heading === undefined) return text;
  return text.split(/^## /m).find(part => part.startsWith(`${heading}\n`)) ?? assert.fail(`no ${heading}`);
}

const optionsIn = (text: string): Set<string> =>
  new Set([...text.matchAll(/(?<![\w-])--([a-z][a-z-]*)/g)].map(([, option]) => option!));

test('docs/cli.md names every verb, and its sections and the pages they lead to the options of their verbs', () => {
  const verbs = [...runCommandLine(['--help']).stdout.matchAll(/^ {2}deferred-sweep (\w+)/gm)].map(
    ([, verb]) => verb!,
  );
  for (const verb of verbs) {
    assert.match(page, new RegExp(`\`${verb}\\b`), `docs/cli.md does not name ${verb}`);
    const places = SECTIONS.filter(([of]) => of.includes(verb));
    const options = optionsIn(places.map(([, ...where]) => section(...where)).join('\n'));
    const where = places
      .map(([, name, heading]) => `docs/${name}.md, ${heading ?? 'any section'}`)
      .join('; ');
    for (const [, option] of runCommandLine([verb, '--help']).stdout.matchAll(/^ {2}--([a-z-]+)/gm))
      assert.ok(
        options.has(option!) || (places.length > 0 && OF_ALL_THAT_READ.includes(option!)),
        `${verb} --${option} is to be described in ${where || 'a section that has a row of SECTIONS, above'}`,
      );
  }
});

test('docs/monitoring.md describes every metric that is written, and no other', t => {
  const directory = freshDirectory(t);
  const file = join(directory, 'metrics');
  assert.equal(runCommandLine(['sweep', '--metrics-file', file, directory]).status, 0);
  const written = [...readFileSync(file, 'utf8').matchAll(/^# TYPE (\w+) gauge$/gm)].map(([, name]) => name);
  const monitoring = readFileSync(join(packageRoot, 'docs/monitoring.md'), 'utf8');
  assert.deepEqual(
    [...monitoring.matchAll(/^\| `(deferred_\w+)`/gm)].map(([, name]) => name),
    written,
  );
});
