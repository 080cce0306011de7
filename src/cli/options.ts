/** The options of all verbs: the one table from which parsing, help, completion and the man page come. Pure. */
export interface OptionRow {
  readonly short?: string;
  /** What its value is called; absent where it takes none. */
  readonly value?: string;
  /** It may be given several times. */
  readonly isMany?: boolean;
  readonly text: string;
}

const ROWS = {
  all: { text: 'every dead letter; with --name, --label or --older only some' },
  'all-users': { text: 'as root: sweep BASE/UID/deferred for each user, as that user' },
  base: { value: 'BASE', text: 'use BASE/deferred' },
  'call-timeout': { value: 'TIME', text: 'limit of each answer of the database server (default 30s)' },
  'cbor-diag': { text: 'print each record in diagnostic notation (RFC 8949)' },
  concurrency: { value: 'N', text: 'processes that run functions at the same time (default 1)' },
  deadline: { value: 'TIME', text: 'end after TIME; what is left stays registered' },
  defer: {
    value: 'COMMAND',
    isMany: true,
    text: 'run by sh -c when the program has ended; may be repeated, the last one runs first',
  },
  dir: { value: 'BASE', text: 'use BASE/deferred' },
  'dry-run': { text: 'print what would be run; take no lock, change nothing' },
  env: { value: 'NAME', isMany: true, text: 'keep this variable for the command; may be repeated' },
  'exit-code': { text: 'exit with 1 if anything is listed' },
  'exit-zero': { text: 'exit with 0 even if something goes wrong, except for wrong usage' },
  grace: { value: 'TIME', text: 'from SIGTERM to SIGKILL (default 5s)' },
  handlers: { value: 'FILE', text: 'a module that exports "handlers"' },
  help: { short: 'h', text: 'print this text' },
  interval: { value: 'TIME', text: 'from one sweep to the next (default 1s)' },
  json: { text: 'print JSON, one object on each line' },
  'kill-tree': { text: 'end what the program has started and left behind' },
  label: { value: 'TEXT', text: 'only jobs with this label' },
  'max-timeout': { value: 'TIME', text: 'the longest limit a function gets, whatever its owner chose' },
  'metrics-file': { value: 'FILE', text: 'write metrics for Prometheus to FILE, in one step' },
  name: { value: 'NAME', text: 'only functions with this name' },
  older: { value: 'TIME', text: 'only what is older than TIME (30m, 2h, 30d)' },
  operator: { value: 'ROLE', isMany: true, text: 'a role that may list, retry, discard' },
  poll: { value: 'TIME', text: 'look at everything at least so often (default 1m; without inotify 1s)' },
  pool: { value: 'NAME', text: 'the pool' },
  quiet: { text: 'print nothing unless something went wrong' },
  schema: { value: 'NAME', text: 'where the tables are (default deferred_sweep)' },
  scratch: { text: 'make a directory, name it in TMPDIR, remove it at the end' },
  state: { value: 'STATE', text: 'only what is in these states, separated by commas' },
  timeout: { value: 'TIME', text: 'limit of each function (500ms, 30s, 5m, 1h; 0: none)' },
  totals: { text: 'with --json: only the numbers of each report; `files` is how many' },
  trust: {
    value: 'PATH',
    isMany: true,
    text: 'owner and mode of PATH, and of all on the way to it, do not matter',
  },
  'trust-group': {
    value: 'GID',
    isMany: true,
    text: 'members of this group may write where its bits say so',
  },
  user: { value: 'UID', isMany: true, text: 'with --all-users: only this user' },
  'user-timeout': { value: 'TIME', text: "with --all-users: limit of each user's sweep (default 60s)" },
  version: { short: 'v', text: 'print the version' },
  wait: { value: 'TIME', text: 'wait at most TIME for files that other sweeps have' },
  worker: { value: 'ROLE', isMany: true, text: 'a role that may register and sweep' },
  yes: { text: 'do not ask' },
} as const;

export type OptionName = keyof typeof ROWS;

export const OPTIONS: Readonly<Record<OptionName, OptionRow>> = ROWS;

export const OPTION_NAMES: readonly OptionName[] = Object.keys(OPTIONS) as OptionName[];
