/** `cluster list` and `cluster show`. */
import { performance } from 'node:perf_hooks';
import { idMatcher } from '../../operate/ids.ts';
import { isOf } from '../../operate/listed-file.ts';
import { type ClusterListReport, OWNER_STATES } from '../../postgres/listed-owner.ts';
import { ClusterOperator } from '../../postgres/operate.ts';
import { DEFAULT_SCHEMA, schemaName } from '../../postgres/options.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { jsonLine, print, say } from '../output/output.ts';
import { callTimeoutOf, connectionOf, poolOf, schemaOf } from './connection.ts';
import { formatOwner, formatOwners } from './format.ts';

/**
 * What `body` returns. The connection is ended.
 * @throws DeferredSweepError where the database is not to be used; UsageError
 */
export async function withOperator<T>(
  line: Arguments,
  body: (operator: ClusterOperator, pool: string) => Promise<T>,
): Promise<T> {
  const pool = poolOf(line);
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
