/** Options of a sweep, and how they are checked. */

import { type Resolvers, requireKnown, resolveEach } from '../known-options.ts';
import type { LockScheme } from '../lock/advisory-lock.ts';
import { MAX_TIMER_MS } from '../log/clock.ts';
import { printable, shown } from '../printable.ts';
import { defaultLogger, type Logger, silent } from '../report/logger.ts';
import type { RunnerOptions } from '../runner/protocol.ts';
import type { StateDirectoryOptions } from '../state/state-directory.ts';
import { resolveTrust } from '../trust/trust.ts';

/** How to sweep. Times are in milliseconds. */
export interface SweepOptions {
  /** The lock scheme that is tried first. The owner's scheme, from the file's header, decides. @defaultValue 'flock' */
  lock?: LockScheme | undefined;
  /**
   * Time limit of each function, and of the runner's start (at least 10 s); 0 is none.
   * @defaultValue the value stored with the function; 60000 for the start
   */
  timeoutMs?: number | undefined;
  /** The longest time limit that a sweep grants a function, also one without a limit; 0 is no cap. @defaultValue 0 */
  maxTimeoutMs?: number | undefined;
  /** Attempts of each function, over all processes. @defaultValue the value stored with the function */
  maxAttempts?: number | undefined;
  /** Pause before the second attempt, doubled for each further one. @defaultValue the value stored with the function */
  retryDelayMs?: number | undefined;
  /**
   * Time for the whole sweep. After it no function begins, and the running one is stopped as if timed out. The sweep
   * ends at most `killGraceMs` later. 0 is none. @defaultValue 0
   */
  deadlineMs?: number | undefined;
  /** Longest wait for files that other sweeps have. They are looked at again meanwhile. @defaultValue 0 */
  waitMs?: number | undefined;
  /** Time from the first sign to stop (abort of the function's signal, SIGTERM) to SIGKILL. @defaultValue 5000 */
  killGraceMs?: number | undefined;
  /** Runners at the same time. @defaultValue 1 */
  concurrency?: number | undefined;
  /** Only files of jobs with this label; no lock of another is taken. @defaultValue all */
  onlyLabel?: string | undefined;
  /** Stops the sweep between two functions; the rest stays registered. */
  signal?: AbortSignal | undefined;
  /**
   * Directories whose owner and mode do not matter; neither do those of directories above them (as git's
   * `safe.directory`). A user who can write there can then run code as you. @defaultValue none
   */
  trustedPaths?: readonly string[] | undefined;
  /** Ids of groups whose members may do what the group bits allow. They can then run code as you. @defaultValue none */
  trustedGroups?: readonly number[] | undefined;
  /** Gets messages about problems; `null` for silence. @defaultValue warnings on standard error */
  logger?: Logger | null | undefined;
}

export interface ResolvedSweepOptions extends RunnerOptions {
  readonly deadlineMs: number;
  readonly waitMs: number;
  readonly concurrency: number;
  readonly onlyLabel: string | undefined;
  readonly signal: AbortSignal | undefined;
  readonly logger: Logger;
}

/** The logger may throw without ending a sweep, and gets no control characters that would forge a line. @throws TypeError */
export function resolveLogger(logger: Logger | null = defaultLogger): Logger {
  if (logger === null) return silent;
  if (typeof logger.info !== 'function' || typeof logger.warn !== 'function')
    throw new TypeError('option "logger" must have the methods info and warn, or be null');
  const say = (level: keyof Logger, text: string): void => {
    const message = printable(text);
    // It may also reject, later.
    const call = async (): Promise<void> => logger[level](message);
    call().catch((error: unknown) =>
      process.emitWarning(
        printable(`deferred-sweep: the logger threw ${String(error)}; it was told: ${message}`),
      ),
    );
  };
  return { info: message => say('info', message), warn: message => say('warn', message) };
}

type OwnOption = Exclude<keyof SweepOptions, 'trustedPaths' | 'trustedGroups'>;

const OWN_OPTIONS: Resolvers<SweepOptions, ResolvedSweepOptions, OwnOption> = {
  lock: value => oneOf('lock', value ?? 'flock', ['flock', 'ofd']),
  timeoutMs: value => (value === undefined ? value : milliseconds('timeoutMs', value)),
  maxTimeoutMs: value => milliseconds('maxTimeoutMs', value ?? 0) || undefined,
  maxAttempts: value => (value === undefined ? value : positiveInteger('maxAttempts', value)),
  retryDelayMs: value => (value === undefined ? value : milliseconds('retryDelayMs', value)),
  deadlineMs: value => milliseconds('deadlineMs', value ?? 0),
  waitMs: value => milliseconds('waitMs', value ?? 0),
  killGraceMs: value => milliseconds('killGraceMs', value ?? 5000),
  concurrency: value => positiveInteger('concurrency', value ?? 1),
  onlyLabel: value => checked('onlyLabel', value, typeof value === 'string', 'a string'),
  signal: value => checked('signal', value, value instanceof AbortSignal, 'an AbortSignal'),
  logger: value => resolveLogger(value),
};

export const SWEEP_OPTIONS: readonly string[] = [
  ...Object.keys(OWN_OPTIONS),
  'trustedPaths',
  'trustedGroups',
];

/** @throws TypeError or RangeError naming an option that is unknown or has a wrong value */
export function resolveSweepOptions(options: SweepOptions = {}): ResolvedSweepOptions {
  requireKnown(options, SWEEP_OPTIONS);
  const trust = resolveTrust(options.trustedPaths, options.trustedGroups);
  return { ...resolveEach(OWN_OPTIONS, options), trust };
}

export function directoryOptions({ trust, logger }: ResolvedSweepOptions): StateDirectoryOptions {
  return { trust, warn: message => logger.warn(message) };
}

/** Returns `value` if it is right, or left out. @param what - it must be @throws TypeError */
export function checked<T>(option: string, value: T, isRight: boolean, what: string): T {
  if (isRight || value === undefined) return value;
  throw new TypeError(`option "${option}" must be ${what}, got ${shown(value)}`);
}

export function oneOf<T extends string>(option: string, value: T, allowed: readonly T[]): T {
  return checked(option, value, allowed.includes(value), allowed.map(item => `'${item}'`).join(' or '));
}

/** Returns a time that a timer can wait. @throws TypeError, RangeError */
export function milliseconds(option: string, value: number): number {
  if (typeof value !== 'number')
    throw new TypeError(`option "${option}" must be a number of milliseconds, got ${shown(value)}`);
  if (value >= 0 && value <= MAX_TIMER_MS) return value;
  throw new RangeError(`option "${option}" must be from 0 to ${MAX_TIMER_MS} milliseconds, got ${value}`);
}

export function positiveInteger(option: string, value: number): number {
  if (typeof value !== 'number')
    throw new TypeError(`option "${option}" must be a number, got ${shown(value)}`);
  if (Number.isSafeInteger(value) && value >= 1) return value;
  throw new RangeError(`option "${option}" must be a whole number of at least 1, got ${value}`);
}
