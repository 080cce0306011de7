/** `cluster list` and `cluster show`. */
import { performance } from 'node:perf_hooks';
import { idMatcher } from '../../operate/ids.ts';
import { isOf } from '../../operate/listed-file.ts';
import type { ClusterListReport } from '../../postgres/listed-owner.ts';
import { ClusterOperator } from '../../postgres/operate.ts';
import { DEFAULT_SCHEMA, schemaName } from '../../postgres/options.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { jsonLine, print, say } from '../output/output.ts';
import { type ClusterLine, connectionOf } from './arguments.ts';
import { formatOwner, formatOwners } from './format.ts';

/** What `body` returns. The connection is ended. @throws DeferredSweepError where the database is not to be used */
export async function withOperator<T>(
  line: ClusterLine,
  body: (operator: ClusterOperator) => Promise<T>,
): Promise<T> {
  const operator = await ClusterOperator.connect(
    connectionOf(process.env),
    schemaName(line.schema),
    line.pool,
  );
  try {
    return await body(operator);
  } finally {
    await operator.end();
  }
}

/** @throws as {@link withOperator} */
export async function runList(line: ClusterLine): Promise<number> {
  const startMs = performance.now();
  const { pool, states } = line;
  const all = await withOperator(line, operator => operator.list());
  const owners = all.filter(
    owner => (states === undefined || states.includes(owner.state)) && isOf(owner, line),
  );
  const report: ClusterListReport = { pool, owners, ms: performance.now() - startMs };
  if (line.isJson) print(jsonLine(report));
  else print(formatOwners(owners, process.stdout.isTTY ? process.stdout.columns : undefined));
  return line.isAlarm && owners.length > 0 ? EXIT_FAILED : EXIT_DONE;
}

/** @throws as {@link withOperator} */
export async function runShow(line: ClusterLine): Promise<number> {
  const [id = ''] = line.ids ?? [];
  const isMeant = idMatcher(id);
  const [beginning = '', number] = id.split('.');
  const all = await withOperator(line, operator => operator.list());
  const owners = all.flatMap(owner => {
    if (owner.state === 'dead' || number === undefined) return isMeant(owner.id) ? [owner] : [];
    const functions = owner.functions.filter(fn => String(fn.id) === number);
    return owner.id.startsWith(beginning) && functions.length > 0 ? [{ ...owner, functions }] : [];
  });
  if (owners.length === 0) {
    say(`nothing in pool ${line.pool} has the id ${id}`);
    return EXIT_FAILED;
  }
  const schemaOption = line.schema === DEFAULT_SCHEMA ? '' : ` --schema ${line.schema}`;
  for (const owner of owners) print(line.isJson ? jsonLine(owner) : formatOwner(owner, schemaOption));
  return EXIT_DONE;
}
