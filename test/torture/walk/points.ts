/**
 * The system calls of a process that touch the files of its scenario, from a trace of it undisturbed. strace(1) counts
 * calls by kind, so a point is the N-th call of a kind; of the main thread alone, which makes all of ours.
 */

const TORTURED = [
  ...[
    'openat',
    'close',
    'read',
    'pread64',
    'write',
    'pwrite64',
    'flock',
    'fcntl',
    'getdents64',
    'statfs',
    'ftruncate',
  ],
  ...[
    'rename',
    'renameat',
    'renameat2',
    'unlink',
    'unlinkat',
    'mkdir',
    'mkdirat',
    'rmdir',
    'access',
    'faccessat',
  ],
  ...[
    'stat',
    'lstat',
    'fstat',
    'newfstatat',
    'statx',
    'chmod',
    'fchmod',
    'fsync',
    'fdatasync',
    'socketpair',
    'pipe2',
    'inotify_add_watch',
    'bind',
    'connect',
  ],
  ...['clone', 'clone3', 'fork', 'vfork', 'kill'],
];

/** For strace. Unknown on some architectures, hence the question marks. */
export const CALLS: string = TORTURED.map(call => `?${call}`).join();

/** Of these, those by which a child is started and ended. */
const CHILD_CALLS = ['socketpair', 'pipe2', 'clone', 'clone3', 'fork', 'vfork', 'kill'];

export interface Point {
  readonly call: string;
  readonly occurrence: number;
  /** Of how many of its kind on files of the scenario it is the last. Node's own are more or fewer from run to run. */
  readonly own: number;
}

const ERRORS = 'EIO ENOSPC EDQUOT EMFILE ENFILE EINTR ENOLCK ESTALE EACCES EROFS ENOMEM'.split(' ');

/** The errors a call is made to fail with. The limit on processes is one of clone(2) alone. */
export function errorsOf(call: string): string[] {
  return call.startsWith('clone') || call.endsWith('fork') ? [...ERRORS, 'EAGAIN'] : ERRORS;
}

/** For strace: the call is not made, and says it failed. */
export function failAt({ call, occurrence }: Point, error: string): string {
  return `${call}:error=${error}:when=${occurrence}`;
}

/** For strace: death on entry of the call, which is not made any more. */
export function killAt({ call, occurrence }: Point): string {
  return `${call}:signal=KILL:when=${occurrence}`;
}

/** Whether strace made this call fail. */
export function isInjected(line: string): boolean {
  return line.endsWith('(INJECTED)');
}

/** Whether strace made a call of ours fail. */
export function hasFailed(trace: readonly string[], base: string): boolean {
  return trace.some(line => isInjected(line) && isOurs(line, base));
}

/** Whether the trace ends with the death of its process. */
export function wasKilled(trace: readonly string[]): boolean {
  return trace.at(-1)?.includes('killed by SIGKILL') === true;
}

/** The points of a trace. */
export function pointsOf(trace: readonly string[], base: string): Point[] {
  const counts = new Map<string, { occurrence: number; own: number }>();
  return trace.flatMap(line => {
    const call = callOf(line);
    if (call === undefined) return [];
    const count = counts.get(call) ?? { occurrence: 0, own: 0 };
    counts.set(call, count);
    count.occurrence++;
    if (!isOurs(line, base)) return [];
    count.own++;
    return [{ call, ...count }];
  });
}

/**
 * Where a point is that a run has missed: at its place in that run; or, where the run ended before it, as far behind the
 * last one of its kind as in the trace undisturbed.
 * @param points - those of the trace undisturbed
 */
export function relocate(
  point: Point,
  points: readonly Point[],
  trace: readonly string[],
  base: string,
): Point {
  const met = pointsOf(trace, base).filter(({ call }) => call === point.call);
  const same = met.find(({ own }) => own === point.own);
  if (same !== undefined) return same;
  const last = met.at(-1);
  const before = points.find(({ call, own }) => call === last?.call && own === last.own);
  const made = trace.filter(line => callOf(line) === point.call).length;
  const shift = (last?.occurrence ?? 0) - (before?.occurrence ?? 0);
  return { ...point, occurrence: Math.max(made + 1, point.occurrence + shift) };
}

/** Calls on files of the scenario, in a trace of all there are, that nobody tortures. */
export function untortured(trace: readonly string[], base: string): string[] {
  return trace.filter(line => {
    const call = callOf(line);
    return call !== undefined && line.includes(base) && !TORTURED.includes(call);
  });
}

/**
 * How long the files of the scenario were, in order, when something was appended to them, and by how much.
 * @param preparedBytes - how long a file was before
 */
export function appendsOf(
  trace: readonly string[],
  base: string,
  preparedBytes: (path: string) => number,
): { offset: number; bytes: number }[] {
  const lengths = new Map<string, number>();
  const appends: { offset: number; bytes: number }[] = [];
  for (const line of trace) {
    const [, call, name = '', value] = /^(write|ftruncate)\(\d+<([^>]*)>.*, (\d+)\) += /.exec(line) ?? [];
    if (!name.startsWith(base)) continue;
    const path = name.replace(/\.tmp$/, '');
    const offset = call === 'write' ? (lengths.get(path) ?? preparedBytes(path)) : 0;
    if (call === 'write') appends.push({ offset, bytes: Number(value) });
    lengths.set(path, offset + Number(value));
  }
  return appends;
}

/** Whether a call is one of ours: on a file of the scenario, or to have a child. Not what Node does for itself. */
export function isOurs(line: string, base: string): boolean {
  const call = callOf(line);
  if (call === undefined || !TORTURED.includes(call)) return false;
  if (CHILD_CALLS.includes(call)) return !line.includes('CLONE_THREAD');
  // strace lets no close(2) fail without leaving the descriptor open: the other side would wait for its end for ever.
  if (call === 'close' && line.includes('<socket:')) return false;
  // What a sweeper and its child say to each other goes through sockets; 0 to 2 are the test's.
  return line.includes(base) || /^\w+\((?:[3-9]|\d\d+)<socket:/.test(line);
}

function callOf(line: string): string | undefined {
  return /^(\w+)\(/.exec(line)?.[1];
}
