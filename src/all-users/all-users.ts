/**
 * Sweeps for everybody, by root: `docs/security.md`, section "Root for everybody".
 *
 * Root lists ROOT, looks at the directories in it, and starts, bounds, ends and logs. For each user one process becomes that
 * user before Node starts, and is the plain command line. Root opens, locks, reads and removes nothing of a user's.
 */
import { randomInt } from 'node:crypto';
import { lstatSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { DeferredSweepError } from '../errors.ts';
import { systemReason } from '../state/system-reason.ts';
import { monotonicMs, StopCondition } from '../stop.ts';
import { describeMode, NOTHING_MORE } from '../trust/trust.ts';
import { WayJudge } from '../trust/trusted-path.ts';
import { walk } from '../trust/way.ts';
import { type AllUsersOptions, type ResolvedAllUsersOptions, resolveAllUsersOptions } from './options.ts';
import { findPrograms } from './programs.ts';
import type { UserSweep } from './user-report.ts';
import { sweepUser } from './user-sweep.ts';
import { listUsers, readUserNumbers, type UserDirectory } from './users.ts';

/**
 * What became of one user's directory.
 * - `swept`: the user's sweep ended well
 * - `failed`: it ended, and something in it failed or was left; or it could not be started
 * - `timed-out`: its time was over, or the caller's signal came; it was ended
 * - `refused`: the directory is not the user's alone, or the caller named a number that is not swept; nothing was started
 * - `skipped`: no ordinary user of this machine has the number, and the caller did not name it; nothing was started
 * - `not-begun`: the time for all was over before its turn
 */
export type UserOutcome = 'swept' | 'failed' | 'timed-out' | 'refused' | 'skipped' | 'not-begun';

/** One directory of ROOT. */
export interface UserReport {
  readonly uid: number;
  /** ROOT/<uid>. */
  readonly base: string;
  readonly outcome: UserOutcome;
  /** Why the outcome is not `swept`. Of a swept one: what is wrong with its report. */
  readonly reason?: string;
  /** What the user's process says. The user may make it say anything; it has this shape. */
  readonly sweep?: UserSweep;
  /** Processes of the user that began since and outlived the end of the sweep by force. */
  readonly survivors?: readonly number[];
}

/** What a sweep for everybody did. */
export interface AllUsersReport {
  /** ROOT, absolute. */
  readonly root: string;
  /** In the order of their numbers. */
  readonly users: readonly UserReport[];
  readonly ms: number;
}

/**
 * Sweeps ROOT/<uid>/deferred for each user, as that user. Users come in random order, a few at once, and what one does changes
 * nothing for the others but the time until their turn.
 * @param root - made by root; all directories above are root's, too
 * @throws DeferredSweepError `DEFERRED_UNSUPPORTED` unless root calls it, on Linux; `DEFERRED_UNSAFE_DIRECTORY` where others
 * can write to ROOT or above; `DEFERRED_UNSAFE_FILE` where they can write to the programs that it starts;
 * `DEFERRED_ADDON_MISSING`; `DEFERRED_STATE_IO`
 * @throws TypeError or RangeError for a wrong option
 */
export async function allUsers(root: string, options: AllUsersOptions = {}): Promise<AllUsersReport> {
  const resolved = resolveAllUsersOptions(options);
  return sweepUsers(root, resolved, report => {
    if (report.outcome === 'swept') return;
    resolved.logger.warn(`deferred-sweep: ${report.base}: ${describeOutcome(report)}`);
  });
}

/** What became of a user's directory, in words. @param counts - said behind the outcome */
export function describeOutcome({ outcome, reason, survivors = [] }: UserReport, counts = ''): string {
  const why = reason === undefined ? '' : `: ${reason}`;
  const left = survivors.length > 0 ? `; processes left: ${survivors.join(' ')}` : '';
  return `${outcome}${counts}${why}${left}`;
}

/**
 * As {@link allUsers}. Its logger is told only what the users' processes print.
 * @param heard - told of each user as soon as that one's turn is over
 */
export async function sweepUsers(
  root: string,
  resolved: ResolvedAllUsersOptions,
  heard: (report: UserReport) => void = () => {},
): Promise<AllUsersReport> {
  const { logger } = resolved;
  const began = monotonicMs();
  if (process.getuid?.() !== 0 || process.geteuid?.() !== 0) {
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      'cannot sweep for all users: this process is not root; run it as root, or sweep your own directory',
    );
  }
  if (process.platform !== 'linux') {
    throw new DeferredSweepError(
      'DEFERRED_UNSUPPORTED',
      'cannot sweep for all users on this system: it has been made for Linux; sweep as each user instead',
    );
  }
  const path = resolve(root);
  assertRoots(path);
  const programs = findPrograms();
  const directories = userDirectories(path, resolved.users);
  const stop = StopCondition.in(resolved.deadlineMs, resolved.signal);

  const reports: UserReport[] = [];
  const queue = shuffled(directories);
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const found = await sweepOne(next);
      // Whom the caller named should have been swept.
      const isMissed = resolved.users !== undefined && found.outcome === 'skipped';
      const report: UserReport = isMissed ? { ...found, outcome: 'refused' } : found;
      reports.push(report);
      heard(report);
    }
  };
  const sweepOne = async ({ uid, path: base, not }: UserDirectory): Promise<UserReport> => {
    if (not) return { uid, base, ...not };
    if (stop.isReached) return { uid, base, outcome: 'not-begun', reason: 'the time for all users was over' };
    const limitMs = stop.limit(resolved.userTimeoutMs);
    const { printed, survivors, ...end } = await sweepUser({
      programs,
      uid,
      base,
      mayGainPrivileges: resolved.mayGainPrivileges,
      args: sweepArguments(resolved, limitMs),
      limitMs,
      killGraceMs: resolved.killGraceMs,
      signal: resolved.signal,
    });
    for (const line of printed.split('\n').slice(0, MAX_PRINTED_LINES))
      if (line !== '') logger.warn(`deferred-sweep: uid ${uid} says: ${line}`);
    return { uid, base, ...end, ...(survivors.length > 0 && { survivors }) };
  };
  const atOnce = Math.min(MAX_AT_ONCE, availableParallelism());
  await Promise.all(Array.from({ length: atOnce }, work));
  reports.sort((one, other) => one.uid - other.uid);
  return { root: path, users: reports, ms: Math.round(monotonicMs() - began) };
}

/** Arguments of the user's command line. */
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

const MAX_AT_ONCE = 4;
const MAX_PRINTED_LINES = 20;

/** True when root should look. A number that no user has is no problem. */
export function hasUserProblems({ users }: AllUsersReport): boolean {
  return users.some(
    ({ outcome, reason }) => outcome !== 'skipped' && (outcome !== 'swept' || reason !== undefined),
  );
}

/** Throws unless each directory down to `path` is root's, and only root can write to it. */
function assertRoots(path: string): void {
  const judge = new WayJudge(NOTHING_MORE);
  const refuse = (what: string, advice: string): never => {
    throw new DeferredSweepError(
      'DEFERRED_UNSAFE_DIRECTORY',
      `cannot sweep for all users below ${path}: ${what}; ${advice}`,
      { path },
    );
  };
  const way = walk(path, step => {
    const distrust = judge.refuseStep(step);
    if (distrust) refuse(distrust.what, distrust.advice);
  });
  const mounts = judge.refuseMounts(way);
  if (mounts) refuse(mounts.what, mounts.advice);
  if (!way.end?.stat.isDirectory())
    refuse('it is not a directory that exists', 'make it as root, with mode 0755');
  const stat = lstatSync(way.resolved);
  if (stat.uid !== 0) refuse('it does not belong to root', 'use a directory that root has made');
  if (stat.mode & 0o022) refuse(`others can write to it (${describeMode(stat)})`, 'use one with mode 0755');
}

function userDirectories(path: string, only: readonly number[] | undefined): UserDirectory[] {
  try {
    return listUsers(path, readUserNumbers(), only);
  } catch (cause) {
    const message = `cannot list ${path}: ${systemReason(cause)}`;
    throw new DeferredSweepError('DEFERRED_STATE_IO', message, { path, cause });
  }
}

/** So that no user is always the last, whose time the others take. */
function shuffled<T>(items: readonly T[]): T[] {
  const order = [...items];
  for (let at = order.length - 1; at > 0; at--) {
    const other = randomInt(at + 1);
    [order[at], order[other]] = [order[other] as T, order[at] as T];
  }
  return order;
}
