/** `cluster list`, `show`, `retry`, `discard`. */
import { inspect } from 'node:util';
import { ClusterOperator, type ListedOwner } from '../../postgres/operate.ts';
import { schemaName } from '../../postgres/options.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { type ClusterLine, connectionOf, parseId } from './arguments.ts';
import { formatFunction, formatOwners } from './format.ts';

/** @throws DeferredSweepError where the database is not to be used; UsageError */
export async function runOperator(line: ClusterLine): Promise<number> {
  const asked = line.verb === 'list' ? undefined : parseId(line.id);
  const operator = await ClusterOperator.connect(
    connectionOf(process.env),
    schemaName(line.schema),
    line.pool,
  );
  try {
    const owners = await operator.list();
    if (asked === undefined) return list(line, owners);
    const matching = owners.filter(owner => owner.id.startsWith(asked.prefix));
    if (new Set(matching.map(owner => owner.id)).size > 1)
      return refuse(`${line.id} is the start of several ids`);
    const found = matching.flatMap(owner =>
      owner.functions.filter(fn => fn.id === (asked.number ?? fn.id)).map(fn => ({ owner, fn })),
    );
    if (found.length === 0) return refuse(`there is no ${line.id} in pool ${line.pool}`);
    if (line.verb === 'show') {
      for (const { owner, fn } of found) {
        const args = await operator.argumentsOf(owner.id, fn.id);
        if (line.isJson)
          write(`${JSON.stringify({ ...owner, functions: [fn], arguments: inspect(args) })}\n`);
        else write(formatFunction(owner, fn, shown(args)));
      }
      return EXIT_DONE;
    }
    if (found.length > 1) return refuse(`${line.id} has ${found.length} functions; name one, ${line.id}.N`);
    const { owner, fn } = found[0]!;
    return line.verb === 'retry'
      ? await retry(operator, owner.id, fn.id)
      : await discard(operator, owner.id, fn.id);
  } finally {
    await operator.end();
  }
}

function list(line: ClusterLine, owners: readonly ListedOwner[]): number {
  if (line.isJson) for (const owner of owners) write(`${JSON.stringify(owner)}\n`);
  else write(formatOwners(line.pool, owners));
  return EXIT_DONE;
}

async function retry(operator: ClusterOperator, owner: string, id: number): Promise<number> {
  if (!(await operator.retry(owner, id))) return refuse(`${owner}.${id} is no dead letter`);
  write(`${owner}.${id}: will be tried again by the next sweep\n`);
  return EXIT_DONE;
}

async function discard(operator: ClusterOperator, owner: string, id: number): Promise<number> {
  const fate = await operator.discard(owner, id);
  if (fate === 'ok') {
    write(`${owner}.${id}: discarded\n`);
    return EXIT_DONE;
  }
  const why = {
    missing: 'is not there any more',
    held: 'belongs to a live owner or is running; cancel it there',
    suspected: 'has lost its owner just now, which may come back; try again in some seconds',
  }[fate];
  return refuse(`${owner}.${id} ${why}`);
}

/** Arguments on one line. */
function shown(args: unknown): string {
  const text = inspect(args, { depth: 4, breakLength: Number.POSITIVE_INFINITY, maxStringLength: 200 });
  return Array.isArray(args) ? text.slice(1, -1).trim() : text;
}

function refuse(reason: string): number {
  process.stderr.write(`deferred-sweep: ${reason}\n`);
  return EXIT_FAILED;
}

function write(text: string): void {
  process.stdout.write(text);
}
