/** Reading the command lines of `exec`, `defer` and `cancel`. Pure. */
import { parseArgs } from 'node:util';
import { orUsageError, UsageError } from '../exit.ts';

export const EXEC_USAGE = `Usage: deferred-sweep exec [OPTION...] -- PROGRAM [ARGUMENT...]

Runs a program as a job: when it has ended, however it ended, the job's commands
run. If this wrapper dies, too, the next sweep of BASE runs them.

  --base BASE      directory of the state files; default: $DEFERRED_SWEEP_DIR
  --defer COMMAND  run by sh -c when the program has ended; may be repeated,
                   the last one runs first
  --scratch        make a directory, name it in TMPDIR, remove it at the end
  --label LABEL    for reports
  --kill-tree      end what the program has started and left behind

Inside, 'deferred-sweep defer -- COMMAND' adds a command and prints its ID, and
'deferred-sweep cancel ID' takes it back.

Exit status: that of the program; it dies of the signal the program died of (as
pid 1: 128 + its number). 2 wrong usage; 125 no job could be opened; 126, 127
the program cannot be started, is not there.

Example:
  deferred-sweep exec --scratch -- make
`;

export const DEFER_USAGE = `Usage: deferred-sweep defer [--env NAME]... -- COMMAND [ARGUMENT...]

Inside of 'deferred-sweep exec': has the command run, here, without a shell,
when the job has ended. Prints its ID when that is registered. PATH and TMPDIR
are kept for it, and the variables NAME.

Exit status: 0 registered; 1 refused; 2 wrong usage; 3 there is no job: nothing
is registered.

Example:
  deferred-sweep defer -- rm -rf x
`;

export const CANCEL_USAGE = `Usage: deferred-sweep cancel ID

Inside of 'deferred-sweep exec': takes back the command with this ID.

Exit status: 0 it will not run; 1 it has run, is running or was taken back
before; 2 wrong usage; 3 there is no job.

Example:
  deferred-sweep cancel 1
`;

export interface ExecLine {
  readonly base: string;
  readonly defer: readonly string[];
  readonly isScratch: boolean;
  readonly label: string | undefined;
  readonly isKillTree: boolean;
  readonly program: string;
  readonly argv: readonly string[];
}

/** Undefined when help is asked for. @throws UsageError */
export function parseExecLine(argv: readonly string[], env: NodeJS.ProcessEnv): ExecLine | undefined {
  const [own, command] = splitAtDashes(argv);
  const { values, positionals } = parse(own, {
    base: { type: 'string' },
    defer: { type: 'string', multiple: true },
    scratch: { type: 'boolean' },
    label: { type: 'string' },
    'kill-tree': { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) return undefined;
  const [program, ...rest] = command ?? [];
  if (positionals.length > 0)
    throw new UsageError(`exec: put -- before the program, got ${JSON.stringify(positionals[0])}`);
  if (!program) throw new UsageError('exec: no program given after --');
  const base = text(values.base) ?? env.DEFERRED_SWEEP_DIR;
  if (!base) throw new UsageError('exec: no --base BASE given, and DEFERRED_SWEEP_DIR is not set');
  return {
    base,
    defer: (values.defer ?? []) as string[],
    isScratch: values.scratch === true,
    label: text(values.label),
    isKillTree: values['kill-tree'] === true,
    program,
    argv: rest,
  };
}

export interface DeferLine {
  readonly variables: readonly string[];
  readonly command: string;
  readonly argv: readonly string[];
}

/** Undefined when help is asked for. @throws UsageError */
export function parseDeferLine(argv: readonly string[]): DeferLine | undefined {
  const [own, command] = splitAtDashes(argv);
  const { values, positionals } = parse(own, {
    env: { type: 'string', multiple: true },
    help: { type: 'boolean', short: 'h' },
  });
  if (values.help) return undefined;
  if (positionals.length > 0)
    throw new UsageError(`defer: put -- before the command, got ${JSON.stringify(positionals[0])}`);
  const [file, ...rest] = command ?? [];
  if (!file) throw new UsageError('defer: no command given after --');
  return { variables: (values.env ?? []) as string[], command: file, argv: rest };
}

/** Undefined when help is asked for. @throws UsageError */
export function parseCancelLine(argv: readonly string[]): number | undefined {
  const { values, positionals } = parse(argv, { help: { type: 'boolean', short: 'h' } });
  if (values.help) return undefined;
  const [id = ''] = positionals;
  if (positionals.length !== 1 || !/^\d{1,15}$/.test(id))
    throw new UsageError(
      `cancel: takes one ID, a number that defer has printed, got ${positionals.join(' ')}`,
    );
  return Number(id);
}

function splitAtDashes(argv: readonly string[]): readonly [readonly string[], readonly string[] | undefined] {
  const at = argv.indexOf('--');
  return at < 0 ? [argv, undefined] : [argv.slice(0, at), argv.slice(at + 1)];
}

type Options = NonNullable<NonNullable<Parameters<typeof parseArgs>[0]>['options']>;
type Values = Readonly<Record<string, string | boolean | (string | boolean)[] | undefined>>;

function parse(
  args: readonly string[],
  options: Options,
): { readonly values: Values; readonly positionals: readonly string[] } {
  return orUsageError(() => parseArgs({ args: [...args], allowPositionals: true, options }));
}

function text(value: Values[string]): string | undefined {
  return typeof value === 'string' ? value : undefined;
}
