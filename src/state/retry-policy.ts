/** Whether a function runs now, waits, or is given up. Pure. */
import type { RegisteredFunction } from './contents.ts';
import { MAX_TIMER_MS, type ReportedError } from './record.ts';

/** Values of a sweep that override those stored with a function. */
export interface RetryOverrides {
  readonly maxAttempts?: number | undefined;
  readonly retryDelayMs?: number | undefined;
}

/** What happens next to a pending function. */
export type Verdict =
  | { readonly kind: 'run' }
  /** Its next attempt is not due yet. */
  | { readonly kind: 'wait'; readonly forMs: number }
  /** Its attempts are used up; `error` ended the last one. */
  | { readonly kind: 'give-up'; readonly error: ReportedError };

const RUN: Verdict = { kind: 'run' };

/** @param nowEpochMs - milliseconds since 1970 */
export function verdictOn(
  registered: RegisteredFunction,
  overrides: RetryOverrides,
  nowEpochMs: number,
): Verdict {
  const { record, attemptCount, lastAttempt } = registered;
  if (!lastAttempt) return RUN;
  const maxAttempts = record.delivery === 'at-most-once' ? 1 : (overrides.maxAttempts ?? record.maxAttempts);
  if (attemptCount >= maxAttempts)
    return { kind: 'give-up', error: lastAttempt.done?.error ?? interrupted(record.name) };
  const forMs = delayLeftMs(registered, overrides.retryDelayMs ?? record.retryDelayMs, nowEpochMs);
  return forMs > 0 ? { kind: 'wait', forMs } : RUN;
}

/** The error of an attempt without a done mark. */
export function interrupted(name: string): ReportedError {
  return {
    name: 'DeferredSweepError',
    code: 'DEFERRED_CRASHED',
    message: `${name} was not finished: the process that ran it died in it`,
  };
}

/** Time until the next attempt is due. A mark from the future counts as due: the clock may have been set back. */
function delayLeftMs(
  { attemptCount, lastAttempt }: RegisteredFunction,
  delayMs: number,
  now: number,
): number {
  const endedAt = lastAttempt?.done?.atEpochMs ?? lastAttempt?.start?.atEpochMs ?? 0;
  if (endedAt > now) return 0;
  const waitMs = Math.min(delayMs * 2 ** (attemptCount - 1), MAX_TIMER_MS);
  return Math.max(0, endedAt + waitMs - now);
}
