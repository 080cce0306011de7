/**
 * Hundreds of functions and values: each does, from its record, what it does when it is called, or was refused by a code.
 * A part of them has its turn, at random; `npm run test:full` tries all.
 */
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { buildSync } from 'esbuild';
import { isFull } from '../helpers/size.ts';
import { checkGenerated, type Way } from './generated-check.ts';

for (const ending of ['close', 'crash'] as const) {
  test(`${ending === 'close' ? 'at the end of its job' : 'run as an orphan'} each of hundreds of functions and values is equal, or was refused`, t => {
    checkGenerated(t, { ending, every: isFull ? 1 : 5 });
  });
}

const every = isFull ? 1 : 9;

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

const ways: Readonly<Record<string, Pick<Way, 'options' | 'build'>>> = {
  'under tsx': { options: ['--import', import.meta.resolve('tsx')] },
  'in a bundle of esbuild': { build: main => bundle(main, false) },
  'in a minified bundle of esbuild': { build: main => bundle(main, true) },
};
for (const [what, way] of Object.entries(ways)) {
  test(`${what} each function and value, run as an orphan, is equal, or was refused`, t => {
    checkGenerated(t, { ending: 'crash', every, ...way });
  });
}
