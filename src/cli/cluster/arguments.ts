/** Reading the command line of `deferred-sweep cluster`. Pure. */
import { parseArgs } from 'node:util';
import type { ConnectionOptions } from '../../postgres/session/driver.ts';
import { orUsageError, UsageError } from '../exit.ts';
import { parseTime } from '../values.ts';

export const CLUSTER_USAGE = `Usage: deferred-sweep cluster VERB [OPTIONS] [ID]

Deferred functions in a PostgreSQL database.

  migrate     make the schema, or bring it to this version
  list        what is registered in a pool, whose it is, and its dead letters
  show ID     everything about one function (ID: owner.number) or one owner
  sweep       run the functions of lost owners once
  watch       the same again and again, until SIGINT or SIGTERM
  retry ID    give a dead letter all its attempts again
  discard ID  remove a dead letter, or a function whose owner is gone

The connection is taken from the environment, never from the command line:
DEFERRED_SWEEP_POSTGRES (a URL), or PGHOST, PGUSER, PGPASSWORD, PGDATABASE, ...

Options:
  --pool NAME       the pool (all verbs but migrate)
  --handlers FILE   a module that exports "handlers" (sweep, watch)
  --schema NAME     default: deferred_sweep
  --interval TIME   between two sweeps of watch (500ms, 30s, 5m); default: 1s
  --worker ROLE     migrate: a role that may register and sweep; repeatable
  --operator ROLE   migrate: a role that may list, retry, discard; repeatable
  --json            print JSON, one line for each report or owner

Exit status: 0 all done or nothing to do; 1 a function failed, or ID is not
there or not free; 2 wrong usage; 3 the database could not be used.

Example:
  deferred-sweep cluster list --pool ci
`;

const VERBS = ['migrate', 'list', 'show', 'sweep', 'watch', 'retry', 'discard'] as const;
export type ClusterVerb = (typeof VERBS)[number];

/** A command line that makes sense. What a verb does not need is empty. */
export interface ClusterLine {
  readonly verb: ClusterVerb;
  readonly pool: string;
  readonly handlers: string;
  readonly schema: string;
  readonly intervalMs: number;
  readonly workers: readonly string[];
  readonly operators: readonly string[];
  readonly isJson: boolean;
  readonly id: string;
}

/** Undefined where help is asked for. @throws UsageError */
export function parseClusterLine(argv: readonly string[]): ClusterLine | undefined {
  const { values, positionals } = parse(argv);
  if (values.help) return undefined;
  const [verb, ...rest] = positionals;
  if (!isVerb(verb))
    throw new UsageError(`cluster needs one of ${VERBS.join(', ')}, got ${verb ?? 'nothing'}`);
  const takesId = verb === 'show' || verb === 'retry' || verb === 'discard';
  if (rest.length !== (takesId ? 1 : 0)) {
    throw new UsageError(`cluster ${verb} takes ${takesId ? 'one ID' : 'no ID'}, got ${rest.length}`);
  }
  const needsHandlers = verb === 'sweep' || verb === 'watch';
  if (verb !== 'migrate' && !values.pool) throw new UsageError(`cluster ${verb} needs --pool NAME`);
  if (needsHandlers && !values.handlers) throw new UsageError(`cluster ${verb} needs --handlers FILE`);
  const intervalMs = values.interval === undefined ? 1000 : parseTime('--interval', values.interval);
  const { worker = [], operator = [], schema = 'deferred_sweep' } = values;
  return {
    verb,
    pool: values.pool ?? '',
    handlers: values.handlers ?? '',
    schema,
    intervalMs,
    workers: worker,
    operators: operator,
    isJson: values.json === true,
    id: rest[0] ?? '',
  };
}

function isVerb(word: string | undefined): word is ClusterVerb {
  return VERBS.some(verb => verb === word);
}

function parse(argv: readonly string[]) {
  return orUsageError(() =>
    parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        pool: { type: 'string' },
        handlers: { type: 'string' },
        schema: { type: 'string' },
        interval: { type: 'string' },
        worker: { type: 'string', multiple: true },
        operator: { type: 'string', multiple: true },
        json: { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    }),
  );
}

/** The connection of the environment. `pg` itself reads PGHOST and the others. */
export function connectionOf(env: NodeJS.ProcessEnv): ConnectionOptions {
  const url = env.DEFERRED_SWEEP_POSTGRES;
  return url ? { connectionString: url } : {};
}

/** An owner's id, or the start of one, and perhaps the number of a function. @throws UsageError */
export function parseId(text: string): { readonly prefix: string; readonly number: number | undefined } {
  const [, prefix, number] = /^([0-9a-f]{1,16})(?:\.(\d{1,15}))?$/.exec(text) ?? [];
  if (prefix === undefined)
    throw new UsageError(`ID must look like 41b485 or 41b485.2, got ${JSON.stringify(text)}`);
  return { prefix, number: number === undefined ? undefined : Number(number) };
}
