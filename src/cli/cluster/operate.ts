/** The verbs of `cluster` that look, change letters, or migrate. */
import { performance } from 'node:perf_hooks';
import { DeferredSweepError } from '../../errors.ts';
import { idMatcher } from '../../operate/ids.ts';
import { isOf } from '../../operate/listed-file.ts';
import {
  type ClusterLetterReport,
  type ClusterLettersReport,
  selectLetters,
} from '../../postgres/letters.ts';
import { type ClusterListReport, OWNER_STATES } from '../../postgres/listed-owner.ts';
import { ClusterOperator, connectOnce, notDone } from '../../postgres/operate.ts';
import { DEFAULT_SCHEMA, poolName, schemaName } from '../../postgres/options.ts';
import { migrate, SCHEMA_VERSION } from '../../postgres/schema/migrate.ts';
import { endClient } from '../../postgres/session/patience.ts';
import { reportError } from '../../report/reported-error.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, EXIT_FAILED, orUsageError } from '../exit.ts';
import { consentTo, letterChoice, nothingRemoved, tellLetters, type WhyNot } from '../letters.ts';
import { failed, jsonLine, print, say } from '../output/output.ts';
import { withStopSignals } from '../stop-signals.ts';
import { callTimeoutOf, connectionOf, schemaOf } from './connection.ts';
import { formatOwner, formatOwners } from './format.ts';

/**
 * What `body` returns. The connection is ended.
 * @throws DeferredSweepError where the database is not to be used; UsageError
 */
async function withOperator<T>(
  line: Arguments,
  body: (operator: ClusterOperator, pool: string) => Promise<T>,
): Promise<T> {
  const pool = orUsageError(() => poolName(line.text('pool')));
  const schema = schemaName(schemaOf(line));
  const limitMs = callTimeoutOf(line);
  const operator = await ClusterOperator.connect(connectionOf(process.env), schema, pool, limitMs);
  try {
    return await body(operator, pool);
  } finally {
    await operator.end();
  }
}

/** @throws as {@link withOperator} */
export async function runList(line: Arguments): Promise<number> {
  const startMs = performance.now();
  const states = line.states(OWNER_STATES);
  const wanted = { label: line.text('label'), olderMs: line.age('older') };
  return withOperator(line, async (operator, pool) => {
    const owners = (await operator.list()).filter(
      owner => (states === undefined || states.includes(owner.state)) && isOf(owner, wanted),
    );
    const report: ClusterListReport = { pool, owners, ms: performance.now() - startMs };
    if (line.has('json')) print(jsonLine(report));
    else print(formatOwners(owners, process.stdout.isTTY ? process.stdout.columns : undefined));
    return line.has('exit-code') && owners.length > 0 ? EXIT_FAILED : EXIT_DONE;
  });
}

/** @throws as {@link withOperator} */
export async function runShow(line: Arguments): Promise<number> {
  const [id = ''] = line.operands;
  const isMeant = idMatcher(id);
  const [beginning = '', number] = id.split('.');
  return withOperator(line, async (operator, pool) => {
    const owners = (await operator.list()).flatMap(owner => {
      if (owner.state === 'dead' || number === undefined) return isMeant(owner.id) ? [owner] : [];
      const functions = owner.functions.filter(fn => String(fn.id) === number);
      return owner.id.startsWith(beginning) && functions.length > 0 ? [{ ...owner, functions }] : [];
    });
    if (owners.length === 0) {
      say(`nothing in pool ${pool} has the id ${id}`);
      return EXIT_FAILED;
    }
    const schema = schemaOf(line);
    const schemaOption = schema === DEFAULT_SCHEMA ? '' : ` --schema ${schema}`;
    for (const owner of owners) print(line.has('json') ? jsonLine(owner) : formatOwner(owner, schemaOption));
    return EXIT_DONE;
  });
}

export const runRetry = (line: Arguments): Promise<number> => changeLetters(line, 'retry');

export const runDiscard = (line: Arguments): Promise<number> => changeLetters(line, 'discard');

/** @throws as {@link withOperator} */
async function changeLetters(line: Arguments, verb: 'retry' | 'discard'): Promise<number> {
  const choice = letterChoice(verb, line);
  const isAgreed = consentTo(verb, line);
  const startMs = performance.now();
  return withOperator(line, async (operator, pool) => {
    const { meant, unmet } = selectLetters(await operator.list(), choice, verb === 'discard');
    const lines = meant.map(({ id, name }) => `${id}  ${name}`);
    if (meant.length > 0 && !(await isAgreed(lines))) return nothingRemoved();
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

/** @throws DeferredSweepError; what the server refuses; UsageError */
export async function runMigrate(line: Arguments): Promise<number> {
  const schema = schemaOf(line);
  const roles = { workers: line.texts('worker'), operators: line.texts('operator') };
  const client = await connectOnce(connectionOf(process.env), callTimeoutOf(line));
  try {
    const found = await migrate(client, schemaName(schema), roles);
    print(
      found === SCHEMA_VERSION
        ? `schema ${schema} has version ${found} already\n`
        : `schema ${schema}: version ${found} to ${SCHEMA_VERSION}\n`,
    );
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof DeferredSweepError) throw error;
    throw notDone(`migrate schema ${schema}`, error, {
      forbidden: 'run it as the owner of the database',
      missing: 'make it first, by CREATE ROLE',
      unanswered: 'run it again, it does nothing twice',
    });
  } finally {
    await endClient(client);
  }
}
