/** `cluster retry` and `cluster discard`. */
import { performance } from 'node:perf_hooks';
import {
  type ClusterLetterReport,
  type ClusterLettersReport,
  selectLetters,
} from '../../postgres/letters.ts';
import { reportError } from '../../report/reported-error.ts';
import type { Arguments } from '../arguments.ts';
import {
  assertCanAsk,
  isAgreed,
  letterChoice,
  nothingRemoved,
  tellLetters,
  type WhyNot,
} from '../letters.ts';
import { failed, say } from '../output/output.ts';
import { withStopSignals } from '../stop-signals.ts';
import { withOperator } from './operate.ts';

/** @throws DeferredSweepError where the database is not to be used; UsageError */
export async function runRetry(line: Arguments): Promise<number> {
  return runOn(line, 'retry');
}

/** @throws as {@link runRetry} */
export async function runDiscard(line: Arguments): Promise<number> {
  return runOn(line, 'discard');
}

async function runOn(line: Arguments, verb: 'retry' | 'discard'): Promise<number> {
  const choice = letterChoice(verb, line);
  const isDiscard = verb === 'discard';
  const mustAsk = isDiscard && !line.has('yes');
  if (mustAsk) assertCanAsk();
  const startMs = performance.now();
  return withOperator(line, async (operator, pool) => {
    const { meant, unmet } = selectLetters(await operator.list(), choice, isDiscard);
    const lines = meant.map(({ id, name }) => `${id}  ${name}`);
    if (mustAsk && meant.length > 0 && !(await isAgreed(lines))) return nothingRemoved();
    const done: ClusterLetterReport[] = [];
    // One after the other, until a signal comes or one cannot be done. What is done is told in any case.
    const error: unknown = await withStopSignals(async stop => {
      try {
        for (const one of meant) if (!stop.aborted) done.push(await operator.change(verb, one));
      } catch (thrown) {
        return thrown;
      }
      return undefined;
    });
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

const WHY_NOT: WhyNot<ClusterLetterReport> = {
  busy: 'its job lives (cancel it there), a sweeper has it, or its owner may still come back: try again in some seconds',
  gone: 'another process was faster',
  missing: 'nothing that this verb takes has this id; see deferred-sweep cluster list',
  ambiguous: 'several owners have an id that begins so; write more of it',
};
