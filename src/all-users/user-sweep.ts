/** One user's sweep, from root's side: starts it, keeps its time, ends it and what it has started, takes its report. */
import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import {
  isAlive,
  listPids,
  type ProcessEntry,
  readProcess,
  withDescendants,
} from '../native/process-table.ts';
import { allRead } from '../sweep/runners/runner-output.ts';
import type { ResolvedAllUsersOptions } from './options.ts';
import type { Programs } from './programs.ts';
import { parseUserSweep, type UserReport } from './user-report.ts';
import type { UserDirectory } from './users.ts';

/** The longest report that is read. An honest one has a few hundred bytes, however many files there were. */
const MAX_REPORT_BYTES = 1024 * 1024;
/** The rest of what it prints on standard error is dropped. */
const MAX_ERROR_BYTES = 8 * 1024;
/** As native/become_user.c has it. */
const NO_SUCH_USER = 120;
/** The command line's, src/cli/exit.ts: something failed, but all was swept. */
const SWEPT_WITH_FAILURES = 1;
/** A user that starts processes as fast as they are killed is not followed for ever. */
const MAX_ROUNDS = 20;
/** More processes that are left than these tell no more. */
const MAX_NAMED = 100;

export type UserSweepEnd = UserReport & { readonly printed: string };

/** @param limitMs - SIGTERM after so long, or at the options' signal; SIGKILL to all of it after the grace */
export async function sweepUser(
  programs: Programs,
  { uid, base }: UserDirectory,
  limitMs: number,
  options: ResolvedAllUsersOptions,
): Promise<UserSweepEnd> {
  const argv = [String(uid), options.mayGainPrivileges ? 'p' : '-', programs.node, programs.commandLine];
  argv.push('--json', '--totals', ...sweepArguments(options, limitMs), '--', base);
  let child: ChildProcessByStdio<null, Readable, Readable>;
  try {
    child = spawn(programs.becomeUser, argv, { cwd: '/', env: {}, stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    // Node throws some errors of the system, and gives others to the event.
    if (systemErrorCode(error) === undefined) throw error;
    return { uid, base, outcome: 'failed', reason: `it could not be started: ${String(error)}`, printed: '' };
  }
  const { pid } = child;
  const sinceTicks = pid === undefined ? undefined : unlessRefused(() => readProcess(pid)?.start, undefined);
  const output = keepBeginning(child.stdout, MAX_REPORT_BYTES + 1);
  const errors = keepBeginning(child.stderr, MAX_ERROR_BYTES);
  const { how, status, isTimedOut, survivors } = await ended(child, uid, limitMs, options, sinceTicks);
  const isCut = output().length > MAX_REPORT_BYTES;
  const sweep = isCut ? undefined : parseUserSweep(output().toString());
  const end = {
    uid,
    base,
    // A sweep that ended of SIGTERM has told what it did until then.
    ...(sweep !== undefined && { sweep }),
    ...(survivors.length > 0 && { survivors }),
    printed: errors().toString(),
  };
  if (isTimedOut) return { ...end, outcome: 'timed-out', reason: `it was ended after its time; it ${how}` };
  if (status === NO_SUCH_USER) return { ...end, outcome: 'skipped', reason: 'no user has this number' };
  if (status !== 0 && status !== SWEPT_WITH_FAILURES)
    return { ...end, outcome: 'failed', reason: `it ${how}` };
  const outcome = status === 0 ? 'swept' : 'failed';
  if (isCut) return { ...end, outcome, reason: `its report is longer than ${MAX_REPORT_BYTES} bytes` };
  if (sweep === undefined) return { ...end, outcome, reason: 'its report cannot be read' };
  return { ...end, outcome, ...(status !== 0 && { reason: 'a function failed or a file was left' }) };
}

function sweepArguments(options: ResolvedAllUsersOptions, limitMs: number): string[] {
  const { timeoutMs, waitMs, onlyLabel, killGraceMs } = options;
  return [
    ...(timeoutMs === undefined ? [] : [`--timeout=${Math.ceil(timeoutMs)}ms`]),
    ...(onlyLabel === undefined ? [] : [`--label=${onlyLabel}`]),
    // So that the user's own sweep ends a function that hangs, and says so in its file, before root ends all of it.
    `--deadline=${Math.ceil(limitMs)}ms`,
    `--wait=${Math.ceil(waitMs)}ms`,
    `--grace=${Math.floor(killGraceMs / 2)}ms`,
  ];
}

async function ended(
  child: ChildProcess,
  uid: number,
  limitMs: number,
  { killGraceMs, signal }: ResolvedAllUsersOptions,
  sinceTicks: number | undefined,
) {
  let isTimedOut = false;
  let survivors: readonly number[] = [];
  let killing: NodeJS.Timeout | undefined;
  const stop = (): void => {
    if (isTimedOut) return;
    isTimedOut = true;
    child.kill('SIGTERM');
    killing = setTimeout(() => {
      if (child.pid !== undefined) survivors = killTree(child.pid, uid, sinceTicks);
    }, killGraceMs);
  };
  const limit = setTimeout(stop, limitMs);
  signal?.addEventListener('abort', stop);
  if (signal?.aborted) stop();
  const end = await new Promise<{ readonly how: string; readonly status: number | null }>(resolve => {
    child.once('error', error => resolve({ how: `could not be started: ${error.message}`, status: null }));
    child.once('exit', (status, killedBy) =>
      resolve({ how: killedBy ? `was killed by ${killedBy}` : `exited with status ${status}`, status }),
    );
  });
  clearTimeout(limit);
  clearTimeout(killing);
  signal?.removeEventListener('abort', stop);
  // The sweep ended of SIGTERM: look what it left. After a kill that is known.
  if (isTimedOut && survivors.length === 0) survivors = startedSince(uid, sinceTicks);
  await allRead([child.stdout, child.stderr]);
  for (const pipe of [child.stdout, child.stderr]) pipe?.destroy();
  return { ...end, isTimedOut, survivors };
}

/** What a process prints first. The rest is read and dropped: a full pipe would keep the process waiting. */
function keepBeginning(output: Readable | null, mostBytes: number): () => Buffer {
  const kept = Buffer.allocUnsafe(mostBytes);
  let length = 0;
  output?.on('error', () => {});
  output?.on('data', (chunk: Buffer) => {
    length += chunk.copy(kept, length);
  });
  return () => kept.subarray(0, length);
}

/**
 * Kills a process of `uid`, a child of ours that has not been waited for, its group, and all below it of the same user.
 * Returns processes of the user that began since and are left: what was no longer below it, or began too fast.
 */
function killTree(pid: number, uid: number, sinceTicks: number | undefined): number[] {
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

/** Processes of a user that began at this time or later, at most 100; none if the time is not known. */
function startedSince(uid: number, sinceTicks: number | undefined): number[] {
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
