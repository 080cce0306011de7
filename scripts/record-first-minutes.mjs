// Follows README from an empty directory and draws what a terminal shows of it:
//
//   node scripts/record-first-minutes.mjs TARBALL [--check]
//
// Writes docs/first-minutes.svg, or, with --check, exits with 1 unless that shows the same as now, but for numbers and random
// names. The tarball stands for the package of the registry, in which it is not yet.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { drawTerminal, textOfDrawing } from './draw-terminal.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const [tarball, mode] = process.argv.slice(2);
if (tarball === undefined) throw new Error('usage: record-first-minutes.mjs TARBALL [--check]');

const readme = readFileSync(join(root, 'README.md'), 'utf8');
const drawing = join(root, 'docs/first-minutes.svg');
const install = find(/```sh\n(npm install deferred-sweep)\n```/);
const program = find(/```js\n\/\/ worker\.mjs\n(.*?)```/s);
const [worker, sweep] = find(/`(node worker\.mjs`.*?`npx deferred-sweep node-state)`/s).split(/`.*`/s);

const lines = record();
if (mode === '--check') {
  const drawn = textOfDrawing(readFileSync(drawing, 'utf8'));
  if (masked(drawn.join('\n')) !== masked(lines.join('\n'))) {
    console.error(
      `record-first-minutes: docs/first-minutes.svg shows\n${drawn.join('\n')}\nnow it is\n${lines.join('\n')}`,
    );
    process.exitCode = 1;
  }
} else writeFileSync(drawing, drawTerminal(lines));

function find(pattern) {
  const [, found] = pattern.exec(readme) ?? [];
  if (found === undefined) throw new Error(`README has no ${pattern}`);
  return found;
}

/** The lines of a terminal in which a newcomer types what README says, and looks around. */
function record() {
  const directory = mkdtempSync(join(tmpdir(), 'first-minutes-'));
  try {
    const installed = type(directory, install, install.replace('deferred-sweep', resolve(tarball)));
    writeFileSync(join(directory, 'worker.mjs'), program);
    const steps = [worker, 'ls -d scratch-*', sweep, 'ls -d scratch-*'].map(line => type(directory, line));
    const [, before, , after] = steps.map(step => step[1]);
    if (!before.startsWith('scratch-') || after.startsWith('scratch-'))
      throw new Error(`${steps.flat().join('\n')}`);
    return [...installed, '$ cat > worker.mjs    # the program above', ...steps.flat()];
  } finally {
    rmSync(directory, { recursive: true });
  }
}

/** What is typed and what is printed. An interactive shell, since only that says `Killed`. */
function type(cwd, shown, command = shown) {
  const { DEFERRED_SWEEP_DIR: _base, ...env } = process.env;
  const options = {
    cwd,
    env: { ...env, npm_config_loglevel: 'warn' },
    encoding: 'utf8',
    input: `${command}\n`,
  };
  const { stdout, stderr } = spawnSync('bash', ['--norc', '--noprofile'], options);
  const output = `${stdout}${stderr}`
    .replaceAll(cwd, '/home/you/try') // the only words that were not printed
    .replaceAll(/^bash: line \d+: +\d+ /gm, '')
    .replaceAll(/^(?:\n|added|found|audited|up to date).*$/gm, found => found.trim());
  return [`$ ${shown}`, ...output.split('\n').filter(line => line.trim() !== '')];
}

/** Without what differs from run to run. */
function masked(text) {
  return text
    .replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'UUID')
    .replaceAll(/func[0-9a-z]+/g, 'FILE')
    .replaceAll(/\/\S+\//g, '/…/')
    .replaceAll(/\d+/g, 'N')
    .replaceAll(/ on \S+:/g, ' on HOST:');
}
