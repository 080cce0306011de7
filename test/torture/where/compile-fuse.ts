import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { NotHere, run } from './mounts.ts';

/** Compiles a FUSE file system of `test/torture/` into `directory`. @throws NotHere without a compiler or libfuse3 */
export function compileFuse(source: string, directory: string): string {
  const program = join(directory, 'fuse');
  // From dist-test/torture/where/ to the sources.
  const path = fileURLToPath(new URL(`../../../test/torture/${source}`, import.meta.url));
  const flags = run('pkg-config', '--cflags', '--libs', 'fuse3').trim().split(/\s+/);
  const gcc = ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, path, ...flags];
  const { status, stderr, error } = spawnSync('gcc', gcc, { encoding: 'utf8' });
  if (error) throw new NotHere(`NOT TESTED: gcc: ${error.message}`);
  if (status !== 0) throw new Error(stderr);
  return program;
}
