/** State directories full of orphans, as a build of this package makes them. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdtempSync, readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OWNER = fileURLToPath(new URL('orphan-owner.mjs', import.meta.url));

/**
 * Returns a fresh base directory with `files` orphans of `functions` functions each. Each function appends a dot to
 * `BASE/ledger`. The first file is a dead owner's, the others are copies of it.
 * @param build a checkout whose `dist/` is used
 * @param options `values`: the length of an array of short texts that each function gets as well;
 * `execArgv`: the owner's options of Node, which its runners get as well
 */
export function makeOrphans(build, { files = 1, functions = 1, values = 0, execArgv = [] } = {}) {
  const base = mkdtempSync(join(tmpdir(), 'orphans-'));
  const { status, stderr } = spawnSync(
    process.execPath,
    [...execArgv, OWNER, build, base, `${functions}`, `${values}`],
    { encoding: 'utf8', env: plainEnvironment() },
  );
  if (status !== 0) throw new Error(`the owner failed: ${stderr}`);
  const directory = join(base, 'deferred');
  const [name] = readdirSync(directory);
  // Names of a time before the original's, so that each is one that an owner could have.
  for (let copy = 1; copy < files; copy++)
    copyFileSync(join(directory, name), join(directory, nameOf(name, copy)));
  return base;
}

/** The name of a copy: another random part. */
function nameOf(name, copy) {
  const other = name.at(-7) === '0' ? '1' : '0';
  return name.slice(0, -7) + other + copy.toString(16).padStart(6, '0');
}

/** The environment without certificates, which Node would read at each start. */
export function plainEnvironment() {
  const { NODE_EXTRA_CA_CERTS: _, ...environment } = process.env;
  return environment;
}
