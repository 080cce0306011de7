/** Sweeps for everybody, by root, who opens, locks, reads and removes nothing of a user's: `docs/security.md`. */
import { randomInt } from 'node:crypto';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { DeferredSweepError } from '../errors.ts';
import { stateIo } from '../state/file-io.ts';
import { monotonicMs, StopCondition } from '../stop.ts';
import { describeMode } from '../trust/trust.ts';
import { type AllUsersOptions, type ResolvedAllUsersOptions, resolveAllUsersOptions } from './options.ts';
import { findPrograms, rootsWay } from './programs.ts';
import { type AllUsersReport, describeOutcome, type UserReport } from './user-report.ts';
import { sweepUser } from './user-sweep.ts';
import { listUsers, type UserDirectory } from './users.ts';

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

/** As {@link allUsers}, but `heard` is told of each user whose turn is over; the logger only of what users' processes print. */
export async function sweepUsers(
  root: string,
  resolved: ResolvedAllUsersOptions,
  heard: (report: UserReport) => void = () => {},
): Promise<AllUsersReport> {
  const began = monotonicMs();
  if (process.getuid?.() !== 0 || process.geteuid?.() !== 0)
    throw unsupported('this process is not root; run it as root, or sweep your own directory');
  if (process.platform !== 'linux') throw unsupported('this system is not Linux; sweep as each user instead');
  const path = resolve(root);
  assertRoots(path);
  const programs = findPrograms();
  const stop = StopCondition.in(resolved.deadlineMs, resolved.signal);
  const sweepOne = async (directory: UserDirectory): Promise<UserReport> => {
    const { uid, base, not } = directory;
    if (not) return { uid, base, ...not };
    if (stop.isReached) return { uid, base, outcome: 'not-begun', reason: 'the time for all users was over' };
    const limitMs = stop.limit(resolved.userTimeoutMs);
    const { printed, ...report } = await sweepUser(programs, directory, limitMs, resolved);
    for (const line of printed.split('\n').slice(0, MAX_PRINTED_LINES))
      if (line !== '') resolved.logger.warn(`deferred-sweep: uid ${uid} says: ${line}`);
    return report;
  };

  const users: UserReport[] = [];
  const queue = inRandomOrder(stateIo(`list ${path}`, path, () => listUsers(path, resolved.users)));
  const work = async (): Promise<void> => {
    for (let next = queue.pop(); next !== undefined; next = queue.pop()) {
      const found = await sweepOne(next);
      // Whom the caller named should have been swept.
      const isMissed = resolved.users !== undefined && found.outcome === 'skipped';
      const report: UserReport = isMissed ? { ...found, outcome: 'refused' } : found;
      users.push(report);
      heard(report);
    }
  };
  const atOnce = Math.min(MAX_AT_ONCE, availableParallelism());
  await Promise.all(Array.from({ length: atOnce }, work));
  users.sort((one, other) => one.uid - other.uid);
  return { root: path, users, ms: Math.round(monotonicMs() - began) };
}

const MAX_AT_ONCE = 4;
const MAX_PRINTED_LINES = 20;

function unsupported(why: string): DeferredSweepError {
  return new DeferredSweepError('DEFERRED_UNSUPPORTED', `cannot sweep for all users: ${why}`);
}

/** Throws unless each directory down to `path` is root's, and only root can write to it. */
function assertRoots(path: string): void {
  const refuse: (what: string, advice: string) => never = (what, advice) => {
    throw new DeferredSweepError(
      'DEFERRED_UNSAFE_DIRECTORY',
      `cannot sweep for all users below ${path}: ${what}; ${advice}`,
      { path },
    );
  };
  const stat = rootsWay(path, refuse).end?.stat;
  if (!stat?.isDirectory()) refuse('it is not a directory that exists', 'make it as root, with mode 0755');
  if (stat.mode & 0o022) refuse(`others can write to it (${describeMode(stat)})`, 'use one with mode 0755');
}

/** So that no user is always the last, whose time the others take. */
function inRandomOrder<T>(items: readonly T[]): T[] {
  const order = items.map(item => ({ item, place: randomInt(2 ** 32) }));
  return order.sort((one, other) => one.place - other.place).map(({ item }) => item);
}
