/** Options of a sweep for everybody, and how they are checked. */
import { MAX_TIMER_MS } from '../log/clock.ts';
import type { Logger } from '../report/logger.ts';
import { requireKnown } from '../sweep/options.ts';

/** How to sweep for everybody. Times are in milliseconds. */
export interface AllUsersOptions {
  /** Only these users. @defaultValue all that have a directory */
  users?: readonly number[] | undefined;
  /** Time for each user's sweep; then it is ended. @defaultValue 60000 */
  userTimeoutMs?: number | undefined;
  /** Time for all of it; 0 is none. It ends `killGraceMs` later at the latest. @defaultValue 600000 */
  deadlineMs?: number | undefined;
  /** From SIGTERM to SIGKILL, for a user's sweep whose time is over. @defaultValue 6000 */
  killGraceMs?: number | undefined;
  /** Time limit of each function. @defaultValue what its owner registered it with */
  timeoutMs?: number | undefined;
  /** Whether cleanups may use sudo, fusermount and other set-user-id programs. @defaultValue false */
  mayGainPrivileges?: boolean | undefined;
  /** Ends it as the deadline does. */
  signal?: AbortSignal | undefined;
  /** Told what went wrong; `null` for silence. @defaultValue warnings on standard error */
  logger?: Logger | null | undefined;
}

export interface ResolvedAllUsersOptions {
  readonly users: readonly number[] | undefined;
  readonly userTimeoutMs: number;
  readonly deadlineMs: number;
  readonly killGraceMs: number;
  readonly timeoutMs: number | undefined;
  readonly mayGainPrivileges: boolean;
  readonly signal: AbortSignal | undefined;
  readonly logger: Logger | null | undefined;
}

const NAMES: readonly (keyof AllUsersOptions)[] = [
  'users',
  'userTimeoutMs',
  'deadlineMs',
  'killGraceMs',
  'timeoutMs',
  'mayGainPrivileges',
  'signal',
  'logger',
];

/** @throws TypeError or RangeError naming an option that is unknown or has a wrong value */
export function resolveAllUsersOptions(options: AllUsersOptions): ResolvedAllUsersOptions {
  requireKnown(options, NAMES);
  const { users, timeoutMs, mayGainPrivileges = false, signal, logger } = options;
  if (users !== undefined && !(Array.isArray(users) && users.every(isUid)))
    throw new TypeError('option "users" must be an array of user ids');
  if (typeof mayGainPrivileges !== 'boolean')
    throw new TypeError('option "mayGainPrivileges" must be true or false');
  if (signal !== undefined && !(signal instanceof AbortSignal))
    throw new TypeError('option "signal" must be an AbortSignal');
  return {
    users,
    userTimeoutMs: time('userTimeoutMs', options.userTimeoutMs ?? 60_000, 1),
    deadlineMs: time('deadlineMs', options.deadlineMs ?? 600_000),
    killGraceMs: time('killGraceMs', options.killGraceMs ?? 6000),
    timeoutMs: timeoutMs === undefined ? undefined : time('timeoutMs', timeoutMs),
    mayGainPrivileges,
    signal,
    logger,
  };
}

function isUid(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0 && (value as number) < 2 ** 32 - 1;
}

function time(name: string, value: number, least = 0): number {
  if (typeof value !== 'number' || !(value >= least && value <= MAX_TIMER_MS))
    throw new RangeError(
      `option "${name}" must be milliseconds from ${least} to ${MAX_TIMER_MS}, got ${value}`,
    );
  return Math.ceil(value);
}
