/** `cluster retry` and `cluster discard`. */
import { performance } from 'node:perf_hooks';
import type { LetterChoice } from '../../operate/retry.ts';
import {
  type ClusterLetterReport,
  type ClusterLettersReport,
  discardLetter,
  type MeantFunction,
  retryLetter,
  selectLetters,
} from '../../postgres/letters.ts';
import type { ClusterOperator } from '../../postgres/operate.ts';
import { reportError } from '../../report/reported-error.ts';
import type { Arguments } from '../arguments.ts';
import { letterChoice } from '../letter-choice.ts';
import { assertCanAsk, isAgreed, nothingRemoved } from '../output/ask.ts';
import { tellLetters, type WhyNot } from '../output/letters.ts';
import { failed, say } from '../output/output.ts';
import { withStopSignals } from '../stop-signals.ts';
import { withOperator } from './operate.ts';

/** @throws DeferredSweepError where the database is not to be used; UsageError */
export async function runRetry(line: Arguments): Promise<number> {
  return runOn(line, letterChoice('retry', line), false);
}

/** @throws as {@link runRetry} */
export async function runDiscard(line: Arguments): Promise<number> {
  const choice = letterChoice('discard', line);
  if (!line.has('yes')) assertCanAsk();
  return runOn(line, choice, true);
}

async function runOn(line: Arguments, choice: LetterChoice, isDiscard: boolean): Promise<number> {
  const startMs = performance.now();
  return withOperator(line, async (operator, pool) => {
    const { meant, unmet } = selectLetters(await operator.list(), choice, isDiscard);
    const mustAsk = isDiscard && !line.has('yes') && meant.length > 0;
    if (mustAsk && !(await isAgreed(meant.map(({ id, name }) => `${id}  ${name}`)))) return nothingRemoved();
    const change = isDiscard ? discardLetter : retryLetter;
    const { done, error } = await withStopSignals(stop => changeEach(operator, meant, change, stop));
    const report: ClusterLettersReport = {
      pool,
      letters: [...done, ...unmet],
      isComplete: done.length === meant.length,
      ms: performance.now() - startMs,
      ...(error !== undefined && { error: reportError(error) }),
    };
    const status = tellLetters(report, line.has('json'), `pool ${pool}`, WHY_NOT);
    if (!report.isComplete) say(`stopped before the end: ${done.length} of ${meant.length} were dealt with`);
    return error === undefined ? status : failed(error);
  });
}

/** One after the other, until one cannot be done or a signal comes. What was done is told in any case. */
async function changeEach(
  operator: ClusterOperator,
  meant: readonly MeantFunction[],
  change: typeof retryLetter,
  stop: AbortSignal,
): Promise<{ readonly done: readonly ClusterLetterReport[]; readonly error?: unknown }> {
  const done: ClusterLetterReport[] = [];
  try {
    for (const one of meant) {
      if (stop.aborted) break;
      done.push(await change(operator, one));
    }
    return { done };
  } catch (error) {
    return { done, error };
  }
}

const WHY_NOT: WhyNot<ClusterLetterReport> = {
  busy: 'its job lives (cancel it there), a sweeper has it, or its owner may still come back: try again in some seconds',
  gone: 'another process was faster',
  missing: 'nothing that this verb takes has this id; see deferred-sweep cluster list',
  ambiguous: 'several owners have an id that begins so; write more of it',
};
