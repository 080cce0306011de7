import { spawnSync } from 'node:child_process';

/** For the `skip` option of tests that need prlimit: false, or why they cannot run. */
export const prlimitMissing: string | false =
  spawnSync('prlimit', ['--version']).status === 0 ? false : 'NOT TESTED: prlimit is not installed';

/** From now on no file of the process grows beyond so many bytes (RLIMIT_FSIZE): a write across them is short, the next fails. */
export function limitFileSize(pid: number, bytes: number): void {
  // The soft limit alone, so that Infinity takes it away again.
  spawnSync('prlimit', [
    '--pid',
    `${pid}`,
    `--fsize=${bytes === Number.POSITIVE_INFINITY ? 'unlimited' : bytes}:`,
  ]);
}
