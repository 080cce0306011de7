/** How many descriptors this process may open, and which of them a runner must not get. */
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { unlessRefused } from '../../errors.ts';

/** The default of macOS, for systems that do not tell. */
const USUAL_LIMIT = 256;

/** How many descriptors this process may have open: RLIMIT_NOFILE, getrlimit(2). */
function descriptorLimit(): number {
  const limits = unlessRefused(() => readFileSync('/proc/self/limits', 'latin1'), '');
  const [, soft] = /^Max open files\s+(\d+|unlimited)/m.exec(limits) ?? [];
  if (soft === 'unlimited') return Number.POSITIVE_INFINITY;
  return soft === undefined ? USUAL_LIMIT : Number(soft);
}

/** Most candidates that wait for a runner. Each keeps a descriptor open. */
const MOST_HELD = 64;
const LEAST_HELD = 4;
/** Descriptors that Node and a runner's pipes take. */
const RESERVED_DESCRIPTORS = 40;

export function mostHeld(): number {
  return Math.max(LEAST_HELD, Math.min(MOST_HELD, (descriptorLimit() - RESERVED_DESCRIPTORS) / 2));
}

/** O_CLOEXEC on Linux, as /proc shows it: proc_pid_fdinfo(5). */
const CLOSE_ON_EXEC = 0o2000000;
/** `stdio` has an entry for each number below. */
const HIGHEST = 65_535;
/** libuv makes duplicates above all of `stdio`; where the limit leaves no room for them, spawn fails with EINVAL. */
const ROOM = 32;

/**
 * Calls `start` with the `stdio` of spawn behind descriptor `last`: /dev/null for each that this process inherited and would
 * pass on, such as a shell's lock file. Node closes inherited ones at exec(2) only up to the first gap in their numbers.
 */
export function withoutForeignDescriptors<T>(last: number, start: (stdio: ('ignore' | number)[]) => T): T {
  const names = unlessRefused(() => readdirSync('/proc/self/fd'), []);
  // One above the limit was opened before the limit was lowered, and cannot be replaced: dup2(2), EBADF.
  const highest = Math.min(HIGHEST, descriptorLimit() - ROOM);
  const passedOn = names.map(Number).filter(fd => fd > last && fd <= highest && isPassedOn(fd));
  if (passedOn.length === 0) return start([]);
  // Behind the standard ones, libuv takes `ignore` for "leave it as it is".
  const stdio: ('ignore' | number)[] = new Array(Math.max(...passedOn) - last).fill('ignore');
  const nothing = openSync('/dev/null', 'r+');
  try {
    for (const fd of passedOn) stdio[fd - last - 1] = nothing;
    return start(stdio);
  } finally {
    closeSync(nothing);
  }
}

function isPassedOn(fd: number): boolean {
  const text = unlessRefused(() => readFileSync(`/proc/self/fdinfo/${fd}`, 'latin1'), '');
  const [, octal] = /^flags:\s*([0-7]+)$/m.exec(text) ?? [];
  return octal !== undefined && (Number.parseInt(octal, 8) & CLOSE_ON_EXEC) === 0;
}
