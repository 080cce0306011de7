/** State directories full of orphans, as a build of this package makes them. */
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { programOf } from './harness.mjs';

/**
 * Fills a fresh base directory with `files` orphans of `functions` functions each, which do nothing. The first file is a
 * dead owner's, the others are copies of it.
 * @param build a checkout whose `dist/` is used
 * @param options `values`: the length of an array of short texts that each function gets as well;
 * `execArgv`: the owner's options of Node, which its runners get as well
 */
export function makeOrphans(build, base, { files = 1, functions = 1, values = 0, execArgv = [] } = {}) {
  const { status, stderr } = spawnSync(
    process.execPath,
    [...execArgv, programOf('orphan-owner.mjs'), build, base, `${functions}`, `${values}`],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`the owner failed: ${stderr}`);
  const directory = join(base, 'deferred');
  const name = readdirSync(directory).find(entry => entry !== 'dead');
  const bytes = readFileSync(join(directory, name));
  for (let copy = 1; copy < files; copy++)
    writeFileSync(join(directory, nameOf(name, copy)), bytes, { mode: 0o600, flag: 'wx' });
}

/** The name of a copy: another random part. */
function nameOf(name, copy) {
  const other = name.at(-7) === '0' ? '1' : '0';
  return name.slice(0, -7) + other + copy.toString(16).padStart(6, '0');
}
