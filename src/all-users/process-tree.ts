/** Finding and ending what a user's sweep has started: proc_pid_stat(5). Linux; elsewhere only the group is known. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { systemErrorCode, unlessRefused } from '../errors.ts';

interface Running {
  readonly pid: number;
  readonly parent: number;
  readonly startTicks: number;
}

/** A user that starts processes as fast as they are killed is not followed for ever. */
const MAX_ROUNDS = 20;

/** When a process began, by the system's clock ticks; undefined if it is gone. */
export function startTicksOf(pid: number): number | undefined {
  return look(pid)?.startTicks;
}

/**
 * Kills a process of `uid`, its group, and all below it that belong to the user. The process itself is a child of ours that has
 * not been waited for.
 * Returns processes of the user that began since and are left: what was no longer below it, or began too fast.
 */
export function killTree(pid: number, uid: number, sinceTicks: number | undefined): number[] {
  // Before the first kill: what loses its parent is not below it any more.
  const known = new Map<number, number>();
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const found = below(pid, known, runningOf(uid)).filter(({ pid: each }) => each !== pid);
    for (const { pid: each, startTicks } of found) {
      known.set(each, startTicks);
      // Looked at again: the number may be another process's by now.
      if (look(each)?.startTicks === startTicks) kill(each);
    }
    if (found.length === 0) break;
  }
  kill(-pid);
  kill(pid);
  return startedSince(uid, sinceTicks).filter(each => each !== pid);
}

/** More than these tell no more. */
const MAX_NAMED = 100;

/** Processes of a user that began at this time or later, at most 100; none if the time is not known. */
export function startedSince(uid: number, sinceTicks: number | undefined): number[] {
  if (sinceTicks === undefined) return [];
  return runningOf(uid)
    .flatMap(({ pid, startTicks }) => (startTicks >= sinceTicks ? [pid] : []))
    .slice(0, MAX_NAMED);
}

function below(top: number, known: ReadonlyMap<number, number>, running: readonly Running[]): Running[] {
  const tree = new Set([top]);
  let before = 0;
  while (before < tree.size) {
    before = tree.size;
    for (const { pid, parent, startTicks } of running) {
      if (tree.has(parent) || known.get(pid) === startTicks) tree.add(pid);
    }
  }
  return running.filter(({ pid }) => tree.has(pid));
}

function runningOf(uid: number): Running[] {
  const pids = unlessRefused(() => readdirSync('/proc'), []).filter(name => /^\d+$/.test(name));
  return pids.flatMap(name => {
    const stat = unlessGone(() => statSync(`/proc/${name}`));
    const running = stat?.uid === uid ? look(Number(name)) : undefined;
    return running ? [running] : [];
  });
}

/** Undefined for a zombie, too: it is dead. */
function look(pid: number): Running | undefined {
  const text = unlessGone(() => readFileSync(`/proc/${pid}/stat`, 'latin1'));
  // The name in parentheses may hold anything.
  const fields = text?.slice(text.lastIndexOf(')') + 2).split(' ') ?? [];
  const [state, parent, startTicks] = [fields[0], Number(fields[1]), Number(fields[19])];
  if (state === undefined || state === 'Z' || state === 'X' || Number.isNaN(startTicks)) return undefined;
  return { pid, parent, startTicks };
}

function unlessGone<T>(step: () => T): T | undefined {
  try {
    return step();
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return undefined;
  }
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    // Gone already.
    if (systemErrorCode(error) !== 'ESRCH') throw error;
  }
}
