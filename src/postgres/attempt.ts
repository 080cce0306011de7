/** One attempt of one function: its handler is called in this process, with a time limit. */
import { setTimeout as sleep } from 'node:timers/promises';
import { restore } from '../cbor/restore.ts';
import { DeferredSweepError } from '../errors.ts';
import { endInvocation, type Invocation, withInvocation } from '../function/invocation.ts';
import { reportError } from '../sweep/reported-error.ts';
import type { Handler } from './options.ts';
import type { ReportedError } from './report.ts';
import type { StartedAttempt } from './session/messages.ts';

/** What the runner knows about an attempt. */
export interface AttemptCircumstances extends Omit<Invocation, 'signal' | 'attempt' | 'registeredAt'> {
  readonly killGraceMs: number;
  /** Aborted when the functions may be another's by now; its reason is given on. */
  readonly lost: AbortSignal;
}

/** What came of an attempt. */
export interface AttemptResult {
  /** Null where the handler returned. */
  readonly error: ReportedError | null;
  readonly ms: number;
  /** Where the handler did not settle in time and goes on in this process: what comes of it after all. */
  readonly hung?: Promise<ReportedError | null>;
}

/** Runs the handler. Never rejects: what it throws is in the result. */
export async function runAttempt(
  handler: Handler,
  started: StartedAttempt,
  circumstances: AttemptCircumstances,
): Promise<AttemptResult> {
  const { killGraceMs, lost, ...known } = circumstances;
  const { timeoutMs, handler: name } = started;
  const abort = new AbortController();
  const kill = new AbortController();
  const over = new AbortController();
  const giveUp = (): void => abort.abort(lost.reason);
  lost.addEventListener('abort', giveUp, { once: true });
  if (lost.aborted) giveUp();
  const invocation: Invocation = {
    ...known,
    signal: abort.signal,
    attempt: started.attempt,
    registeredAt: started.registeredAt,
  };
  const call = async (): Promise<ReportedError | null> => {
    try {
      const args = restore(started.arguments);
      if (!Array.isArray(args)) {
        throw new DeferredSweepError(
          'DEFERRED_STATE_CORRUPT',
          `cannot run ${name}: its stored arguments are no array`,
        );
      }
      await withInvocation(invocation, kill.signal, () => handler(...args));
      return null;
    } catch (error) {
      // Also what a function throws because its signal was aborted: the limit is the reason then.
      return reportError(abort.signal.aborted ? abort.signal.reason : error);
    } finally {
      endInvocation(invocation);
    }
  };
  const limit = async (): Promise<ReportedError> => {
    await sleep(timeoutMs, undefined, { signal: over.signal });
    const error = new DeferredSweepError(
      'DEFERRED_TIMED_OUT',
      `cannot wait longer for ${name}: it did not finish within ${timeoutMs} ms`,
    );
    abort.abort(error);
    await sleep(killGraceMs, undefined, { signal: over.signal });
    kill.abort();
    return reportError(error);
  };
  const startMs = performance.now();
  const called = call();
  try {
    if (timeoutMs === 0) return { error: await called, ms: performance.now() - startMs };
    const limited = limit();
    limited.catch(() => {}); // ended below, when the handler settled first
    const [error, isHung] = await Promise.race([
      called.then(result => [result, false] as const),
      limited.then(result => [result, true] as const),
    ]);
    return { error, ms: performance.now() - startMs, ...(isHung && { hung: called }) };
  } finally {
    over.abort();
    lost.removeEventListener('abort', giveUp);
  }
}
