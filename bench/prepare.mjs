/** What the benchmarks need beside a build: the peers, and the floor. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const HERE = fileURLToPath(new URL('.', import.meta.url));
const STAMP = join(HERE, 'build/installed');

/**
 * Installs the peers, and compiles the floor.
 * @param isBrief leaves out what takes minutes to compile or to load, unless it is there
 */
export function prepare({ isBrief }) {
  mkdirSync(join(HERE, 'build'), { recursive: true });
  installPeers(isBrief);
  const floor = join(HERE, 'build/floor');
  execFileSync('cc', ['-O2', '-Wall', '-Wextra', '-o', floor, join(HERE, 'floor.c')], { stdio: 'inherit' });
}

function installPeers(isBrief) {
  const lock = createHash('sha256')
    .update(readFileSync(join(HERE, 'package-lock.json')))
    .digest('hex');
  const there = existsSync(STAMP) ? readFileSync(STAMP, 'utf8') : '';
  if (there === `${lock} all` || (isBrief && there === `${lock} some`)) return;
  const omit = isBrief ? ['--omit=optional'] : [];
  console.log(
    `installing the peers${isBrief ? '' : '; better-sqlite3 may be compiled, in some two minutes'}`,
  );
  execFileSync('npm', ['ci', '--no-audit', '--no-fund', ...omit], { cwd: HERE, stdio: 'inherit' });
  writeFileSync(STAMP, `${lock} ${isBrief ? 'some' : 'all'}`);
}
