import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** For the `skip` option of tests that need strace: false, or why they cannot run. */
export const straceMissing: string | false =
  spawnSync('strace', ['-V'], { stdio: 'ignore' }).status === 0
    ? false
    : 'NOT TESTED: strace is not installed or may not trace here';

export interface Tampering {
  /** Only calls on this file count and are tampered with. */
  path: string;
  /** strace(1) -e inject=…, such as `flock:error=ENOLCK:when=1..2`; several, for several calls. */
  inject: string | readonly string[];
  /** Where the tampered calls are logged, see {@link callsLogged}. */
  log: string;
}

/** For the `under` option of `startChild`: the kernel itself tampers with the child's system calls. */
export function strace({ path, inject, log }: Tampering): [string, ...string[]] {
  const injections = [inject].flat();
  const calls = injections.map(injection => injection.slice(0, injection.indexOf(':')));
  const options = injections.flatMap(injection => ['-e', `inject=${injection}`]);
  return ['strace', '-f', '-qq', '-o', log, '-P', path, '-e', `trace=${calls.join()}`, ...options];
}

/** The lines of strace's log, one for each system call (complete once the child has ended). */
export function callsLogged(log: string): string[] {
  return readFileSync(log, 'utf8')
    .split('\n')
    .filter(line => /^\d+ +\w+\(/.test(line)); // not "<... flock resumed>", where another thread came between
}

export interface Attached {
  /** Resolves when strace has ended, and its log is complete. */
  readonly ended: Promise<unknown>;
}

/**
 * strace(1) has attached to one thread of a process that runs already, with `-f` to all of them; calls are counted from here on.
 * @param onCall - told each line of its log as it comes, unless the options name a file for it
 */
export async function attachStrace(
  tid: number,
  options: readonly string[],
  onCall: (line: string) => void = () => {},
): Promise<Attached> {
  const strace = spawn('strace', [...options, '-p', `${tid}`], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = once(strace, 'close');
  let said = '';
  await new Promise<void>((resolve, reject) => {
    createInterface({ input: strace.stderr }).on('line', line => {
      said = line;
      if (/ attached( with \d+ threads)?$/.test(line)) resolve();
      else onCall(line);
    });
    strace.once('error', reject);
    strace.once('close', () => reject(new Error(`strace did not attach: ${said}`)));
  });
  return { ended };
}
