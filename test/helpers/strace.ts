import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** For the `skip` option of tests that need strace: false, or why they cannot run. */
export const straceMissing: string | false =
  spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0
    ? false
    : 'NOT TESTED: strace is not installed or may not trace here';

export interface Tampering {
  /** Only calls on this file count and are tampered with. */
  path: string;
  /** strace(1) -e inject=…, such as `flock:error=ENOLCK:when=1..2`. */
  inject: string;
  /** Where the tampered calls are logged, see {@link callsLogged}. */
  log: string;
}

/** For the `under` option of `startChild`: the kernel itself tampers with the child's system calls. */
export function strace({ path, inject, log }: Tampering): [string, ...string[]] {
  const syscall = inject.slice(0, inject.indexOf(':'));
  return ['strace', '-f', '-qq', '-o', log, '-P', path, '-e', `trace=${syscall}`, '-e', `inject=${inject}`];
}

/** The lines of strace's log, one for each system call (complete once the child has ended). */
export function callsLogged(log: string): string[] {
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter(line => /^\d+ +\w+\(/.test(line)); // not "<... flock resumed>", where another thread came between
}
