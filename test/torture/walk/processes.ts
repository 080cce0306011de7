/** The processes of a scenario: which they are, and when they are dead. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { setImmediate, setTimeout as sleep } from 'node:timers/promises';
import { isAlive, type ProcessEntry, readEnvironment, readProcess } from '#dist/native/process-table.js';
import { BASE, TREE } from './notes.ts';

/** Nothing tells when a process ends that is no child of this one. */
const LOOK_AGAIN_MS = 10;
/** A process whose environment is empty for so long was started with none. */
const EMPTY_MS = 2000;

/** Where a scenario runs, and as whom: {@link Lane}. */
interface Where {
  readonly base: string;
  readonly scenario: { readonly user?: number };
}

/** The processes of the scenario in this base directory; of one for a user all that the user has. */
export function processesOf({ base, scenario: { user } }: Where): number[] {
  return allProcesses().filter(
    pid =>
      hasVariable(pid, BASE, base) ||
      (user !== undefined &&
        isUsers(
          lookAt(() => readFileSync(`/proc/${pid}/status`, 'latin1'), ''),
          user,
        )),
  );
}

/** What a scenario started for its functions to end: left alone until they have run. */
export function treesOf({ base }: Where): number[] {
  return allProcesses().filter(pid => hasVariable(pid, TREE, base) && readProcess(pid) !== undefined);
}

/** Not one that is dead, and that its parent has not asked for. */
function isUsers(status: string, user: number): boolean {
  return new RegExp(`^Uid:\\s+${user}\\b`, 'm').test(status) && !/^State:\s+[ZX]/m.test(status);
}

function hasVariable(pid: number, name: string, value: string): boolean {
  return lookAt(() => readEnvironment(pid)?.split('\0').includes(`${name}=${value}`) === true, false);
}

/** Resolves when none of them is left, or the time is up. */
export async function processesGone(where: Where, withinMs: number): Promise<void> {
  const untilMs = performance.now() + withinMs;
  const deaths = new Deaths();
  while (performance.now() < untilMs) {
    const pids = processesOf(where);
    deaths.await(pids);
    if (pids.length === 0 && deaths.areOver()) return;
    await sleep(LOOK_AGAIN_MS);
  }
}

/**
 * Every one of them is dead, those included that they had begun to start. Others have their turn meanwhile: one that is
 * traced dies only when its tracer goes on, which may wait for us to read what it said.
 */
export async function killProcesses(where: Where): Promise<void> {
  const deaths = new Deaths();
  for (;;) {
    const pids = processesOf(where);
    deaths.await(pids);
    for (const pid of pids) lookAt(() => process.kill(pid, 'SIGKILL'), false);
    if (pids.length === 0 && deaths.areOver()) return;
    await setImmediate();
  }
}

/** When processes without an environment were first seen so. Most have none for a moment only. */
const emptySinceMs = new Map<string, number>();

/**
 * A dying process loses its environment first, by which it is known, and then its descriptors, and with them its locks:
 * on a busy machine milliseconds later. One that starts a program has none for a moment, too.
 */
class Deaths {
  readonly #dying = new Map<number, ProcessEntry>();

  /** These are about to die. */
  await(pids: readonly number[]): void {
    for (const pid of pids) {
      const entry = this.#dying.has(pid) ? undefined : readProcess(pid);
      if (entry !== undefined) this.#dying.set(pid, entry);
    }
  }

  /** Whether all these are dead, and no process may be one of which nobody knew. */
  areOver(): boolean {
    return ![...this.#dying.values()].some(isAlive) && !allProcesses().some(isInBetween);
  }
}

function isInBetween(pid: number): boolean {
  const entry = readProcess(pid);
  if (entry === undefined || entry.isKernel || readEnvironment(pid) !== '') return false;
  const key = `${pid} ${entry.start}`;
  const sinceMs = emptySinceMs.get(key) ?? performance.now();
  emptySinceMs.set(key, sinceMs);
  return performance.now() - sinceMs < EMPTY_MS;
}

/** Each with its arguments and the system call it is in. */
export function describeProcesses(where: Where): string {
  const read = (pid: number, name: string): string =>
    lookAt(() => readFileSync(`/proc/${pid}/${name}`, 'latin1'), '');
  return processesOf(where)
    .map(
      pid =>
        `${pid} ${read(pid, 'cmdline').replaceAll('\0', ' ')} in ${read(pid, 'wchan')} ${read(pid, 'syscall')}`,
    )
    .join('; ');
}

/** Descriptors of these processes, by default all there are, on files under the base directory. */
export function descriptorsUnder(base: string, pids: readonly number[] = allProcesses()): string[] {
  return pids.flatMap(pid =>
    lookAt(() => readdirSync(`/proc/${pid}/fd`), [])
      .map(fd => lookAt(() => readlinkSync(`/proc/${pid}/fd/${fd}`), ''))
      .filter(path => path.startsWith(base))
      .map(path => `${path} of pid ${pid}`),
  );
}

function allProcesses(): number[] {
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number);
}

/** Processes end while one looks at them. */
function lookAt<T>(look: () => T, gone: T): T {
  try {
    return look();
  } catch {
    return gone;
  }
}
