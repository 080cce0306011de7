/** Reading the command line of `deferred-sweep cluster`. Pure. */
import { parseArgs } from 'node:util';
import { OWNER_STATES, type OwnerState } from '../../postgres/listed-owner.ts';
import { DEFAULT_SCHEMA, schemaName } from '../../postgres/options.ts';
import type { ConnectionOptions } from '../../postgres/session/driver.ts';
import { orUsageError, UsageError } from '../exit.ts';
import { parseAge, parseStates, parseTime, requireChoice } from '../values.ts';

const OPTIONS = {
  all: { type: 'boolean' },
  deadline: { type: 'string' },
  'exit-code': { type: 'boolean' },
  'exit-zero': { type: 'boolean' },
  handlers: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
  interval: { type: 'string' },
  json: { type: 'boolean' },
  label: { type: 'string' },
  name: { type: 'string' },
  older: { type: 'string' },
  operator: { type: 'string', multiple: true },
  pool: { type: 'string' },
  quiet: { type: 'boolean' },
  schema: { type: 'string' },
  state: { type: 'string' },
  worker: { type: 'string', multiple: true },
  yes: { type: 'boolean' },
} as const;

type OptionName = keyof typeof OPTIONS;

const CHOOSING = ['all', 'name', 'label', 'older'] as const;

export type ClusterVerb = 'migrate' | 'list' | 'show' | 'sweep' | 'watch' | 'retry' | 'discard';

/** What each verb takes beside `--schema`. */
const TAKEN: Readonly<Record<ClusterVerb, readonly OptionName[]>> = {
  migrate: ['worker', 'operator'],
  list: ['pool', 'json', 'state', 'older', 'label', 'exit-code'],
  show: ['pool', 'json'],
  sweep: ['pool', 'handlers', 'deadline', 'json', 'quiet', 'exit-zero'],
  watch: ['pool', 'handlers', 'json', 'interval'],
  retry: ['pool', 'json', ...CHOOSING],
  discard: ['pool', 'json', ...CHOOSING, 'yes'],
};

const VERBS = Object.keys(TAKEN) as readonly ClusterVerb[];

/** A command line that makes sense. What a verb does not take is empty. */
export interface ClusterLine {
  readonly verb: ClusterVerb;
  readonly pool: string;
  readonly schema: string;
  readonly handlers: string;
  readonly intervalMs: number;
  /** 0: none. */
  readonly deadlineMs: number;
  readonly workers: readonly string[];
  readonly operators: readonly string[];
  readonly states: readonly OwnerState[] | undefined;
  readonly olderMs: number | undefined;
  readonly label: string | undefined;
  readonly name: string | undefined;
  readonly isJson: boolean;
  readonly isQuiet: boolean;
  readonly isZeroAlways: boolean;
  readonly isAlarm: boolean;
  readonly isAgreed: boolean;
  /** Undefined for `--all`. */
  readonly ids: readonly string[] | undefined;
}

/** Undefined where help is asked for. @throws UsageError */
export function parseClusterLine(argv: readonly string[]): ClusterLine | undefined {
  const { values, positionals } = orUsageError(() =>
    parseArgs({ args: [...argv], allowPositionals: true, options: OPTIONS }),
  );
  if (values.help) return undefined;
  const [word, ...ids] = positionals;
  const verb = VERBS.find(known => known === word);
  if (verb === undefined)
    throw new UsageError(`cluster needs one of ${VERBS.join(', ')}, got ${word ?? 'nothing'}`);
  requireTaken(verb, Object.keys(values) as OptionName[]);
  if (verb !== 'migrate' && !values.pool) throw new UsageError(`cluster ${verb} needs --pool NAME`);
  if ((verb === 'sweep' || verb === 'watch') && !values.handlers)
    throw new UsageError(`cluster ${verb} needs --handlers FILE`);
  if (verb === 'retry' || verb === 'discard')
    requireChoice(verb, ids, option => values[option] !== undefined);
  else if (ids.length !== (verb === 'show' ? 1 : 0))
    throw new UsageError(`cluster ${verb} takes ${verb === 'show' ? 'one ID' : 'no ID'}, got ${ids.length}`);
  for (const id of ids)
    if (!/^[0-9a-f]{1,16}(\.\d{1,15})?$/.test(id))
      throw new UsageError(`ID must look like 41b485 or 41b485.2, got ${id === '' ? 'an empty one' : id}`);
  const { schema = DEFAULT_SCHEMA } = values;
  orUsageError(() => schemaName(schema));
  return {
    verb,
    pool: values.pool ?? '',
    schema,
    handlers: values.handlers ?? '',
    intervalMs: values.interval === undefined ? 1000 : parseTime('--interval', values.interval),
    deadlineMs: values.deadline === undefined ? 0 : parseTime('--deadline', values.deadline),
    workers: values.worker ?? [],
    operators: values.operator ?? [],
    states: parseStates(values.state, OWNER_STATES),
    olderMs: values.older === undefined ? undefined : parseAge('--older', values.older),
    label: values.label,
    name: values.name,
    isJson: values.json === true,
    isQuiet: values.quiet === true,
    isZeroAlways: values['exit-zero'] === true,
    isAlarm: values['exit-code'] === true,
    isAgreed: values.yes === true,
    ids: values.all ? undefined : ids,
  };
}

function requireTaken(verb: ClusterVerb, given: readonly OptionName[]): void {
  const taken = [...TAKEN[verb], 'schema'];
  const foreign = given.find(name => !taken.includes(name));
  if (foreign !== undefined) throw new UsageError(`cluster ${verb} does not take --${foreign}`);
}

/** The connection of the environment. `pg` itself reads PGHOST and the others. */
export function connectionOf(env: NodeJS.ProcessEnv): ConnectionOptions {
  const url = env.DEFERRED_SWEEP_POSTGRES;
  return url ? { connectionString: url } : {};
}
