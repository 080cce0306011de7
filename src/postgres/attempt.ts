/** One attempt of one function: its handler is called in this process, with a time limit. */

import { type CallSettled, callWithLimit } from '../function/call-with-limit.ts';
import type { KnownInvocation } from '../function/current-invocation.ts';
import { reportError } from '../report/reported-error.ts';
import { listOf, restore } from '../value/decode.ts';
import type { Handler } from './options.ts';
import type { ReportedError } from './report.ts';
import type { StartedAttempt } from './session/messages.ts';

/** What the runner knows about an attempt. */
export interface AttemptCircumstances extends Omit<KnownInvocation, 'attempt' | 'registeredAt'> {
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
  { attempt, registeredAt, timeoutMs, handler: name, arguments: stored }: StartedAttempt,
  { killGraceMs, lost, ...known }: AttemptCircumstances,
): Promise<AttemptResult> {
  const startMs = performance.now();
  const limits = { timeoutMs, killGraceMs, lost };
  const ended = await callWithLimit(name, { ...known, attempt, registeredAt }, limits, () => {
    return handler(...listOf(restore(stored)));
  });
  return {
    error: errorOf(ended),
    ms: performance.now() - startMs,
    ...(ended.isHung && { hung: ended.settled.then(errorOf) }),
  };
}

function errorOf(settled: CallSettled): ReportedError | null {
  return 'error' in settled ? reportError(settled.error) : null;
}
