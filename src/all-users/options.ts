import { requireKnown } from '../known-options.ts';
import { shownList } from '../printable.ts';
import type { Logger } from '../report/logger.ts';
import { checked, milliseconds, type ResolvedSweepOptions, resolveSweepOptions } from '../sweep/options.ts';

/** How to sweep for everybody. Times are in milliseconds. */
export interface AllUsersOptions {
  /** Only these users. UID_MIN, UID_MAX and subuid(5) do not count for them. @defaultValue all that have a directory */
  users?: readonly number[] | undefined;
  /** Time for each user's sweep; then it is ended. @defaultValue 60000 */
  userTimeoutMs?: number | undefined;
  /** Time for all of it; 0 is none. It ends `killGraceMs` later at the latest. @defaultValue 600000 */
  deadlineMs?: number | undefined;
  /** From SIGTERM to SIGKILL, for a user's sweep whose time is over. @defaultValue 6000 */
  killGraceMs?: number | undefined;
  /** Time limit of each function. @defaultValue what its owner registered it with */
  timeoutMs?: number | undefined;
  /** As for a sweep: how long each user's waits for files that other sweeps have. @defaultValue 0 */
  waitMs?: number | undefined;
  /** As for a sweep: only files of jobs with this label. @defaultValue all */
  onlyLabel?: string | undefined;
  /** Whether cleanups may use sudo, fusermount and other set-user-id programs. @defaultValue false */
  mayGainPrivileges?: boolean | undefined;
  /** Ends it as the deadline does. */
  signal?: AbortSignal | undefined;
  /** Told what went wrong; `null` for silence. @defaultValue warnings on standard error */
  logger?: Logger | null | undefined;
}

export interface ResolvedAllUsersOptions extends ResolvedSweepOptions {
  readonly users: readonly number[] | undefined;
  readonly userTimeoutMs: number;
  readonly mayGainPrivileges: boolean;
}

const NAMES: readonly (keyof AllUsersOptions)[] = [
  'users',
  'userTimeoutMs',
  'deadlineMs',
  'killGraceMs',
  'timeoutMs',
  'waitMs',
  'onlyLabel',
  'mayGainPrivileges',
  'signal',
  'logger',
];

/** @throws TypeError or RangeError naming an option that is unknown or has a wrong value */
export function resolveAllUsersOptions(options: AllUsersOptions): ResolvedAllUsersOptions {
  requireKnown(options, NAMES);
  const { users, mayGainPrivileges = false, userTimeoutMs: given, ...sweep } = options;
  const userTimeoutMs = milliseconds('userTimeoutMs', given ?? 60_000);
  if (users !== undefined && !(Array.isArray(users) && users.every(isUid)))
    throw new TypeError(`option "users" must be an array of user ids, got ${shownList(users, isUid)}`);
  checked('mayGainPrivileges', mayGainPrivileges, typeof mayGainPrivileges === 'boolean', 'true or false');
  if (userTimeoutMs < 1)
    throw new RangeError(`option "userTimeoutMs" must be at least 1 millisecond, got ${userTimeoutMs}`);
  const deadlineMs = sweep.deadlineMs ?? 600_000;
  const killGraceMs = sweep.killGraceMs ?? 6000;
  const resolved = resolveSweepOptions({ ...sweep, deadlineMs, killGraceMs });
  return { ...resolved, users, userTimeoutMs, mayGainPrivileges };
}

function isUid(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32 - 1;
}
