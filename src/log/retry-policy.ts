import { MAX_TIMER_MS } from './clock.ts';
import type { DeferRecord, ReportedError } from './records.ts';
import type { RegisteredFunction } from './registered-function.ts';

/** Values of a sweep that override those stored with a function. */
export interface RetryOverrides {
  readonly maxAttempts?: number | undefined;
  readonly retryDelayMs?: number | undefined;
}

export type Verdict =
  | { readonly kind: 'run' }
  /** Its next attempt is not due yet. */
  | { readonly kind: 'wait'; readonly forMs: number }
  /** Its attempts are used up; `error` ended the last one. */
  | { readonly kind: 'give-up'; readonly error: ReportedError };

const RUN: Verdict = { kind: 'run' };

/** What happens next to a pending function. */
export function verdictOn(
  registered: RegisteredFunction,
  overrides: RetryOverrides,
  nowEpochMs: number,
): Verdict {
  const { record, lastAttempt } = registered;
  if (!lastAttempt) return RUN;
  if (hasUsedUp(registered, overrides))
    return { kind: 'give-up', error: lastAttempt.done?.error ?? interrupted(record.name) };
  const forMs = delayLeftMs(registered, overrides.retryDelayMs ?? record.retryDelayMs, nowEpochMs);
  return forMs > 0 ? { kind: 'wait', forMs } : RUN;
}

export function attemptsOf(record: DeferRecord, { maxAttempts }: RetryOverrides = {}): number {
  return record.delivery === 'at-most-once' ? 1 : (maxAttempts ?? record.maxAttempts);
}

/** True in the last attempt, and after it. */
export function hasUsedUp({ record, attemptCount }: RegisteredFunction, overrides: RetryOverrides): boolean {
  return attemptCount >= attemptsOf(record, overrides);
}

/** The error of an attempt without a done mark. */
export function interrupted(name: string): ReportedError {
  return {
    name: 'DeferredSweepError',
    code: 'DEFERRED_CRASHED',
    message: `${name} was not finished: the process that ran it died in it`,
  };
}

/** What was interrupted did not fail: it waits for nothing. */
function delayLeftMs(
  { attemptCount, lastAttempt }: RegisteredFunction,
  delayMs: number,
  now: number,
): number {
  const endedAt = lastAttempt?.done?.atEpochMs;
  // A clock that was set back since must not keep a function waiting.
  if (endedAt === undefined || endedAt > now) return 0;
  const waitMs = Math.min(delayMs * 2 ** (attemptCount - 1), MAX_TIMER_MS);
  return Math.max(0, endedAt + waitMs - now);
}
