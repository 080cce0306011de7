/** Reading the command line. Pure. */
import { parseArgs } from 'node:util';
import { MAX_TIMER_MS } from '../state/record.ts';
import type { AllUsersLine } from './all-users.ts';
import { UsageError } from './exit.ts';

export const USAGE = `Usage: deferred-sweep [sweep] [BASE...]
       deferred-sweep cleanup BASE
       deferred-sweep sweep --all-users ROOT [--user UID...]

Runs the deferred functions that dead processes left in BASE/deferred.
Files of live processes are not touched.

  sweep          run every orphan's functions once (the default)
  cleanup        the same, until each is done or has used up its attempts;
                 then remove BASE/deferred if it is empty

BASE defaults to the environment variable DEFERRED_SWEEP_DIR.

Options:
  --json                    print the reports as one line of JSON each
  --timeout TIME            limit for each function (500ms, 30s, 5m, 1h; 0: none)
                            default: what its owner registered it with
  --trust PATH              owner and mode of PATH, and of all on the way to it,
                            do not matter; may be given several times
  --trust-group GID         the same of the rights of one group
  --all-users               as root: sweep ROOT/UID/deferred for each user, as that
                            user
  --user UID                with --all-users: only this one; may be given several
                            times
  -h, --help                print this text
  -v, --version             print the version

Exit status: 0 all done or nothing to do; 1 a function failed or a file was set
aside; 2 wrong usage; 3 a directory could not be swept.
`;

/** A command line that makes sense. */
export type CommandLine =
  | { readonly verb: 'help' }
  | { readonly verb: 'version' }
  | SweepLine
  | ({ readonly verb: 'all-users' } & AllUsersLine);

/** What `sweep` and `cleanup` are to do. */
export interface SweepLine {
  readonly verb: 'sweep' | 'cleanup';
  readonly bases: readonly string[];
  readonly isJson: boolean;
  readonly timeoutMs: number | undefined;
  readonly trustedPaths: readonly string[];
  readonly trustedGroups: readonly number[];
}

/** @throws UsageError */
export function parseCommandLine(argv: readonly string[], env: NodeJS.ProcessEnv): CommandLine {
  const { values, positionals } = parse(argv);
  if (values.help) return { verb: 'help' };
  if (values.version) return { verb: 'version' };
  const [first, ...rest] = positionals;
  const verb = first === 'cleanup' ? 'cleanup' : 'sweep';
  const named = first === 'cleanup' || first === 'sweep' ? rest : positionals;
  const fallback = env.DEFERRED_SWEEP_DIR;
  const bases = named.length === 0 && fallback ? [fallback] : named;
  if (bases.length === 0) throw new UsageError('no BASE given, and DEFERRED_SWEEP_DIR is not set');
  if (bases.includes('')) throw new UsageError('BASE must not be empty');
  if (verb === 'cleanup' && bases.length > 1)
    throw new UsageError(`cleanup takes one BASE, got ${bases.length}`);
  if (values.isolation !== undefined)
    throw new UsageError('--isolation is gone: orphans always run in a process of their own');
  const timeoutMs = values.timeout === undefined ? undefined : parseTime('--timeout', values.timeout);
  const { trust: trustedPaths = [] } = values;
  if (trustedPaths.includes('')) throw new UsageError('--trust must not be empty');
  const trustedGroups = (values['trust-group'] ?? []).map(text => parseId('--trust-group', text));
  const users = values.user?.map(text => parseId('--user', text));
  if (values['all-users']) {
    const [root = '', ...more] = bases;
    if (verb !== 'sweep' || more.length > 0)
      throw new UsageError('--all-users takes the verb sweep and one ROOT');
    if (trustedPaths.length + trustedGroups.length > 0)
      throw new UsageError('--all-users trusts no more than root: leave --trust out');
    return { verb: 'all-users', root, users, timeoutMs, isJson: values.json === true };
  }
  if (users) throw new UsageError('--user needs --all-users');
  return { verb, bases, isJson: values.json === true, timeoutMs, trustedPaths, trustedGroups };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        json: { type: 'boolean' },
        timeout: { type: 'string' },
        isolation: { type: 'string' },
        trust: { type: 'string', multiple: true },
        'trust-group': { type: 'string', multiple: true },
        'all-users': { type: 'boolean' },
        user: { type: 'string', multiple: true },
        help: { type: 'boolean', short: 'h' },
        version: { type: 'boolean', short: 'v' },
      },
    });
  } catch (error) {
    // What parseArgs says names the option and what is wrong with it.
    if (error instanceof TypeError) throw new UsageError(error.message);
    throw error;
  }
}

/** By number: a name may mean another user or group in another container. */
function parseId(option: string, text: string): number {
  if (/^\d{1,10}$/.test(text)) return Number(text);
  throw new UsageError(`${option} must be a ${option === '--user' ? 'user' : 'group'} id, got ${text}`);
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };

/** Milliseconds of a time such as `500ms`, `30s`, `1.5m`; `0` needs no unit. @throws UsageError */
export function parseTime(option: string, text: string): number {
  if (text === '0') return 0;
  const [, amount = '', unit = ''] = /^(\d+(?:\.\d+)?)(ms|s|m|h)$/.exec(text) ?? [];
  const ms = Number(amount) * (UNIT_MS[unit] ?? Number.NaN);
  if (amount !== '' && ms <= MAX_TIMER_MS) return Math.ceil(ms);
  throw new UsageError(`${option} must be a time like 500ms, 30s, 5m or 1h, at most 24 days, got ${text}`);
}
