/** `cluster retry` and `cluster discard`. */
import { performance } from 'node:perf_hooks';
import {
  type ClusterLetterReport,
  type ClusterLettersReport,
  discardLetter,
  type MeantFunction,
  retryLetter,
  selectLetters,
} from '../../postgres/letters.ts';
import type { ClusterOperator } from '../../postgres/operate.ts';
import { assertCanAsk, isAgreed, nothingRemoved } from '../output/ask.ts';
import { tellLetters } from '../output/letters.ts';
import type { ClusterLine } from './arguments.ts';
import { withOperator } from './operate.ts';

/** @throws DeferredSweepError where the database is not to be used */
export async function runRetry(line: ClusterLine): Promise<number> {
  return runOn(line, retryLetter);
}

/** @throws DeferredSweepError where the database is not to be used; UsageError */
export async function runDiscard(line: ClusterLine): Promise<number> {
  if (!line.isAgreed) assertCanAsk();
  return runOn(line, discardLetter);
}

async function runOn(
  line: ClusterLine,
  act: (operator: ClusterOperator, meant: MeantFunction) => Promise<ClusterLetterReport>,
): Promise<number> {
  const { pool, verb, isJson } = line;
  const startMs = performance.now();
  return withOperator(line, async operator => {
    const isDiscard = verb === 'discard';
    const { meant, unmet } = selectLetters(await operator.list(), line, isDiscard);
    const mustAsk = isDiscard && !line.isAgreed && meant.length > 0;
    if (mustAsk && !(await isAgreed(meant.map(({ id, name }) => `${id}  ${name}`)))) return nothingRemoved();
    const letters: ClusterLetterReport[] = [];
    for (const one of meant) letters.push(await act(operator, one));
    letters.push(...unmet);
    const report: ClusterLettersReport = { pool, letters, ms: performance.now() - startMs };
    return tellLetters(report, isJson, `pool ${pool}`, WHY_NOT);
  });
}

const WHY_NOT: Readonly<Record<Exclude<ClusterLetterReport['outcome'], 'retried' | 'discarded'>, string>> = {
  busy: 'its job lives (cancel it there), a sweeper has it, or its owner may still come back: try again in some seconds',
  gone: 'another process was faster',
  missing: 'nothing that this verb takes has this id; see deferred-sweep cluster list',
  ambiguous: 'several owners have an id that begins so; write more of it',
};
