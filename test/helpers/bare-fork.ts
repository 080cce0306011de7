/** fork(2) without exec, by an addon made for the tests: `bare_fork.c`. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

interface BareFork {
  fork(limitMs: number, leavesGroup: boolean): number;
  reap(pid: number): number;
}

// From dist-test/helpers/ to the sources.
const SOURCE = fileURLToPath(new URL('../../test/helpers/bare_fork.c', import.meta.url));
const NODE_DIRECTORY = process.env.npm_config_nodedir ?? dirname(dirname(process.execPath));
const HEADERS = join(NODE_DIRECTORY, 'include', 'node');

/** For the `skip` option of tests that need {@link compileBareFork}: false, or why they cannot run. */
export const bareForkMissing: string | false = whatIsMissing();

function whatIsMissing(): string | false {
  if (process.platform !== 'linux') return 'NOT TESTED: forks without exec are tried on Linux only';
  if (spawnSync('gcc', ['--version']).status !== 0) return 'NOT TESTED: gcc is not installed';
  return existsSync(join(HEADERS, 'node_api.h')) ? false : `NOT TESTED: no node_api.h in ${HEADERS}`;
}

/** Returns the path of the addon, `bare_fork.node` in this directory. */
export function compileBareFork(directory: string): string {
  const addon = join(directory, 'bare_fork.node');
  const { status, stderr } = spawnSync(
    'gcc',
    [
      ...['-O1', '-std=gnu11', '-Wall', '-Wextra', '-Werror', '-DNAPI_VERSION=8'],
      ...['-fPIC', '-shared', '-fvisibility=hidden', '-isystem', HEADERS, SOURCE, '-o', addon],
    ],
    { encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`cannot compile ${SOURCE}: ${stderr}`);
  return addon;
}

/**
 * Forks this process. The child does nothing, holds every descriptor this process had, and ends of any signal.
 * @param limitMs - after which it ends by itself @param leavesGroup - whom a signal to our process group does not reach
 * @returns the child's pid
 */
export function bareFork(addon: string, limitMs: number, leavesGroup = false): number {
  return assertDone(load(addon).fork(limitMs, leavesGroup), 'fork');
}

/** The child has ended, and has no descriptors any more. Waits, event loop and all. */
export function reap(addon: string, pid: number): void {
  assertDone(load(addon).reap(pid), 'waitpid');
}

/** Resolves when nobody has an flock lock on the file any more: flock(1) has waited for it. */
export async function untilUnlocked(path: string): Promise<void> {
  const flock = spawn('flock', [path, 'true'], { stdio: 'ignore' });
  const [code] = (await once(flock, 'close')) as [number | null];
  if (code !== 0) throw new Error(`flock(1) on ${path} exited with code ${code}`);
}

function load(addon: string): BareFork {
  return createRequire(import.meta.url)(addon) as BareFork;
}

function assertDone(result: number, syscall: string): number {
  if (result < 0) throw new Error(`${syscall}: errno ${-result}`);
  return result;
}
