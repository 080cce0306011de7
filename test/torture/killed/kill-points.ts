/**
 * Kills a program at every system call that touches files, one run for each: strace(1) injects the SIGKILL on entry of
 * the N-th call of a kind, so that this call is not done any more. Counters are per kind and per thread.
 */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const CALLS = [
  ...[
    'openat',
    'close',
    'write',
    'flock',
    'fcntl',
    'rename',
    'unlink',
    'ftruncate',
    'mkdir',
    'rmdir',
    'fchmod',
  ],
  ...['fsync', 'fdatasync', 'socketpair', 'clone', 'clone3', 'vfork', 'kill'],
];

/** The N-th call of a kind in one thread. */
export interface KillPoint {
  readonly call: string;
  readonly occurrence: number;
}

/**
 * Runs a program undisturbed and returns the points from the first call that names `from` on.
 * @param everyThread - also those of its other threads and children, where counts differ between runs
 */
export function killPoints(
  argv: readonly string[],
  from: string,
  tracePath: string,
  everyThread: boolean,
): KillPoint[] {
  spawnSync('strace', ['-f', '-qq', '-o', tracePath, '-e', `trace=${CALLS.join()},access`, ...argv]);
  const counts = new Map<string, number>();
  const points = new Map<string, KillPoint>();
  let main: string | undefined;
  let hasBegun = false;
  for (const line of readFileSync(tracePath, 'utf8').split('\n')) {
    const [, thread, call] = /^(\d+) +(\w+)\(/.exec(line) ?? [];
    if (thread === undefined || call === undefined) continue;
    main ??= thread;
    hasBegun ||= line.includes(from);
    const occurrence = (counts.get(thread + call) ?? 0) + 1;
    counts.set(thread + call, occurrence);
    const isOurs = call !== 'access' && (everyThread || thread === main);
    if (hasBegun && isOurs) points.set(`${call} ${occurrence}`, { call, occurrence });
  }
  return [...points.values()];
}

/** Runs a program killed at this point. Returns whether it was: counts of helper threads differ between runs. */
export function runKilled(argv: readonly string[], { call, occurrence }: KillPoint): boolean {
  const inject = `inject=${call}:signal=KILL:when=${occurrence}`;
  const strace = ['-f', '-qq', '-o', '/dev/null', '-e', `trace=${call}`, '-e', inject];
  const { status, signal } = spawnSync('strace', [...strace, ...argv]);
  return signal === 'SIGKILL' || status === 137;
}
