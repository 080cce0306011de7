/** Finding and ending what a user's sweep has started: proc_pid_stat(5). Linux; elsewhere only the group is known. */
import { statSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';
import {
  isAlive,
  listPids,
  type ProcessEntry,
  readProcess,
  withDescendants,
} from '../native/process-table.ts';

/** A user that starts processes as fast as they are killed is not followed for ever. */
const MAX_ROUNDS = 20;

/**
 * Kills a process of `uid`, its group, and all below it that belong to the user. The process itself is a child of ours that has
 * not been waited for.
 * Returns processes of the user that began since and are left: what was no longer below it, or began too fast.
 */
export function killTree(pid: number, uid: number, sinceTicks: number | undefined): number[] {
  // Before the first kill: what loses its parent is not below it any more.
  const known = new Map<number, number>();
  const top: ProcessEntry = { pid, parent: 0, start: 0, isKernel: false };
  for (let round = 0; round < MAX_ROUNDS; round++) {
    const running = runningOf(uid);
    const roots = running.filter(each => known.get(each.pid) === each.start);
    const found = withDescendants([top, ...roots], running).filter(each => each.pid !== pid);
    for (const each of found) {
      known.set(each.pid, each.start);
      // Looked at again: the number may be another process's by now.
      if (unlessRefused(() => isAlive(each), false)) kill(each.pid);
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
    .flatMap(({ pid, start }) => (start >= sinceTicks ? [pid] : []))
    .slice(0, MAX_NAMED);
}

function runningOf(uid: number): ProcessEntry[] {
  return listPids().flatMap(pid => {
    const look = () => (statSync(`/proc/${pid}`).uid === uid ? readProcess(pid) : undefined);
    return unlessRefused(look, undefined) ?? [];
  });
}

function kill(pid: number): void {
  // ESRCH: gone already.
  unlessRefused(() => process.kill(pid, 'SIGKILL'), false, 'ESRCH');
}
