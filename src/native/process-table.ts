/** The processes of this machine, as far as this process may see them: /proc on Linux, sysctl(3) on macOS. */
import { readdirSync, readFileSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { DeferredSweepError, unlessRefused } from '../errors.ts';
import { nativeAddon } from '../lock/native.ts';
import { hasEnded, parseProcessStat } from '../lock/process-identity.ts';
import { isFailure, succeeded } from '../lock/system-error.ts';

/** A process that has not ended. Its pid and its start together name one process of this boot. */
export interface ProcessEntry {
  readonly pid: number;
  readonly parent: number;
  /** When it started: clock ticks since boot on Linux, microseconds since the epoch on macOS. */
  readonly start: number;
  /** A thread of the kernel: it has no environment, and no signal ends it. */
  readonly isKernel: boolean;
}

/** The event loop has its turn after this long. */
const SLICE_MS = 10;

/** The kernel's `PF_KTHREAD`. */
const KERNEL_THREAD = 0x200000;

/**
 * Returns the pids of processes that ended while the table was read, whose children may be missing, or ended before and are
 * not reaped yet.
 * @param visit - called for each process as soon as it was read
 * @param isKnown - which pids to leave out
 */
export async function readProcessTable(
  visit: (entry: ProcessEntry) => void,
  isKnown: (pid: number) => boolean,
): Promise<readonly number[]> {
  if (process.platform === 'darwin') {
    for (const entry of nativeEntries()) if (!isKnown(entry.pid)) visit(entry);
    return [];
  }
  const ended: number[] = [];
  let sliceStartMs = performance.now();
  const pids = listPids();
  if (pids.length === 0)
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      'cannot list the processes of this machine: /proc is not mounted; mount it',
      { path: '/proc' },
    );
  for (const pid of pids) {
    if (isKnown(pid)) continue;
    const entry = readProcess(pid);
    if (entry === undefined) ended.push(pid);
    else visit(entry);
    if (performance.now() - sliceStartMs > SLICE_MS) {
      await setImmediate();
      sliceStartMs = performance.now();
    }
  }
  return ended;
}

/** One process; undefined when it has ended, reaped or not. */
export function readProcess(pid: number): ProcessEntry | undefined {
  if (process.platform === 'darwin') return nativeEntries().find(entry => entry.pid === pid);
  const text = readProcFile(pid, 'stat');
  if (text === undefined) return undefined;
  const stat = parseProcessStat(text);
  if (hasEnded(stat)) return undefined;
  const { parent, flags, startTicks } = stat;
  return { pid, parent, start: startTicks, isKernel: (flags & KERNEL_THREAD) !== 0 };
}

export function isAlive({ pid, start }: Pick<ProcessEntry, 'pid' | 'start'>): boolean {
  return readProcess(pid)?.start === start;
}

export function withDescendants(
  roots: readonly ProcessEntry[],
  entries: readonly ProcessEntry[],
): readonly ProcessEntry[] {
  const children = new Map<number, ProcessEntry[]>();
  for (const entry of entries) {
    const siblings = children.get(entry.parent);
    if (siblings === undefined) children.set(entry.parent, [entry]);
    else siblings.push(entry);
  }
  const found = new Map(roots.map(root => [root.pid, root]));
  // A Map's iterator comes to what is added meanwhile.
  for (const parent of found.values()) {
    for (const child of children.get(parent.pid) ?? []) {
      // No child is older than its parent: this one's parent has ended, and another process has its number.
      if (child.start < parent.start || found.has(child.pid)) continue;
      found.set(child.pid, child);
    }
  }
  return [...found.values()];
}

/**
 * The environment the process was started with, one variable after the other, each ended by a NUL; of a program that
 * writes over it (Chromium's children do), what it wrote. Undefined when one may not read it, or it has ended; empty for
 * a moment while it starts another program.
 */
export function readEnvironment(pid: number): string | undefined {
  if (process.platform !== 'darwin') return readProcFile(pid, 'environ') || environmentOfThreads(pid);
  const bytes = nativeAddon().processEnvironment(pid);
  return isFailure(bytes) ? undefined : bytes.toString('latin1');
}

/** Where the first thread has ended, /proc/PID/environ has nothing any more: the process lives on in the others. */
function environmentOfThreads(pid: number): string | undefined {
  let environment: string | undefined;
  for (const tid of unlessRefused(() => readdirSync(`/proc/${pid}/task`), [])) {
    environment = readProcFile(pid, `task/${tid}/environ`);
    if (environment) break;
  }
  return environment;
}

/** As /proc names them. None: it is not mounted. */
export function listPids(): readonly number[] {
  const names = unlessRefused(() => readdirSync('/proc'), []);
  return names.filter(name => /^\d+$/.test(name)).map(Number);
}

function readProcFile(pid: number, name: string): string | undefined {
  const read = (): string => readFileSync(`/proc/${pid}/${name}`, 'latin1');
  // Ended (ENOENT, ESRCH), or not for this user to read (EACCES, EPERM).
  return unlessRefused(read, undefined, 'ENOENT', 'ESRCH', 'EACCES', 'EPERM');
}

function nativeEntries(): readonly ProcessEntry[] {
  const numbers = succeeded(nativeAddon().listProcesses());
  const entries: ProcessEntry[] = [];
  for (let index = 0; index < numbers.length; index += 3) {
    const [pid = 0, parent = 0, start = 0] = numbers.slice(index, index + 3);
    entries.push({ pid, parent, start, isKernel: pid === 0 });
  }
  return entries;
}
