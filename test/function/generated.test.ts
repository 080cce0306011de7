/**
 * Hundreds of functions and values: each does, from its record, what it does when it is called, or was refused by a code.
 * A part of them has its turn, at random; `npm run test:full` tries all.
 */
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { buildSync } from 'esbuild';
import { packageRoot } from '../helpers/command-line.ts';
import { isFull, onlyFull, sample } from '../helpers/size.ts';
import { asTest, checkGenerated } from './generated-check.ts';

for (const ending of ['close', 'crash'] as const) {
  test(`${ending === 'close' ? 'at the end of its job' : 'run as an orphan'} each of hundreds of functions and values is equal, or was refused`, t => {
    checkGenerated(t, { ending, every: isFull ? 1 : 18 });
  });
}

const every = isFull ? 1 : 15;

const vitest = join(packageRoot, 'node_modules/vitest/vitest.mjs');

/** One file, as it is deployed. */
function bundle(main: string, minify: boolean): string {
  const outfile = join(dirname(main), 'bundle.mjs');
  const external = [import.meta.resolve('#dist/index.js')];
  buildSync({
    entryPoints: [main],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'esm',
    external,
    minify,
  });
  return outfile;
}

/** The same sources, whose types Node strips. There are none. */
function asTypeScript(main: string): string {
  const directory = dirname(main);
  for (const name of readdirSync(directory).filter(name => name.endsWith('.mjs'))) {
    const text = readFileSync(join(directory, name), 'utf8').replaceAll(/(\.\/thing\d+\.)mjs/g, '$1mts');
    writeFileSync(join(directory, name.replace('.mjs', '.mts')), text);
    rmSync(join(directory, name));
  }
  return main.replace('.mjs', '.mts');
}

const [major = 0] = process.versions.node.split('.').map(Number);
const stripsNone =
  major < 22 && `NOT TESTED: Node ${process.versions.node} does not strip types, 22.18 and later do`;

interface Tool {
  readonly skip?: string | false;
  argv(main: string): readonly string[];
}

const tools: Readonly<Record<string, Tool>> = {
  'under tsx': { argv: main => ['--import', import.meta.resolve('tsx'), main] },
  'as TypeScript that Node strips': { skip: stripsNone, argv: main => [asTypeScript(main)] },
  'in a bundle of esbuild': { argv: main => [bundle(main, false)] },
  'in a minified bundle of esbuild': { argv: main => [bundle(main, true)] },
  'in a test of vitest': {
    argv: main => {
      asTest(main);
      return [vitest, 'run', `--root=${dirname(main)}`, '--pool=forks', '--globals'];
    },
  },
};
/** What changes the sources most is tried each time. */
const HARD = 'in a minified bundle of esbuild';
const tried = [
  HARD,
  ...sample(
    Object.keys(tools).filter(what => what !== HARD && !tools[what]!.skip),
    1,
  ),
];

for (const [what, { argv, skip = false }] of Object.entries(tools)) {
  test(`${what} each function and value, run as an orphan, is equal, or was refused`, {
    skip: skip || (!tried.includes(what) && onlyFull),
  }, t => {
    checkGenerated(t, { ending: 'crash', every, argv });
  });
}
