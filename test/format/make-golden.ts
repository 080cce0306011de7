/**
 * Writes test/format/golden/. Only for files that are not there yet: what is committed is what an earlier version wrote,
 * and stays. Run as `node dist-test/format/make-golden.js`.
 */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { goldenFiles } from './golden-files.js';

const directory = new URL('../../test/format/golden/', import.meta.url);
mkdirSync(directory, { recursive: true });
for (const [name, { bytes }] of Object.entries(goldenFiles())) {
  const path = new URL(`${name}.state`, directory);
  if (existsSync(path)) continue;
  writeFileSync(path, bytes);
  console.log(`wrote ${path.pathname}`);
}
