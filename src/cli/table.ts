/** The verbs: the one table from which parsing, help, completion and the man page come. */
import type { Arguments, VerbRow } from './arguments.ts';
import { CLUSTER_VERBS } from './cluster/table.ts';
import { UsageError } from './exit.ts';
import type { OptionName } from './options.ts';

const TRUST = ['trust', 'trust-group'] as const;
const RUN = ['json', 'quiet', 'label', 'timeout', 'max-timeout', 'grace', 'concurrency', ...TRUST] as const;
/** With these `start.ts`, too, has the answer of a sweep that finds nothing. All others are the command's. */
export const ANSWERED: readonly OptionName[] = ['totals', 'exit-zero', 'deadline', 'wait', ...RUN];
const SWEEP = ['dry-run', 'metrics-file', ...ANSWERED] as const;

export const VERBS: readonly VerbRow[] = [
  {
    name: 'sweep',
    operands: '[BASE...]',
    text: "run every orphan's functions once (the default)",
    options: [...SWEEP, 'all-users', 'user', 'user-timeout'],
    example: 'sweep --deadline 15s --exit-zero',
    load: async () => (await import('./verbs/sweep.ts')).runSweep,
  },
  {
    name: 'cleanup',
    operands: '[BASE]',
    text: 'sweep until each function is done or given up; then remove BASE/deferred if it is empty',
    options: SWEEP,
    example: 'cleanup --deadline 1m --wait 10s',
    load: async () => (await import('./verbs/sweep.ts')).runCleanup,
  },
  {
    name: 'watch',
    operands: '[BASE...]',
    text: "run an orphan's functions as soon as its owner dies, until SIGTERM",
    options: ['poll', 'metrics-file', ...RUN],
    example: 'watch --json',
    load: async () => (await import('./verbs/watch.ts')).runWatch,
  },
  {
    name: 'list',
    operands: '[BASE...]',
    text: 'print what is pending, whose it is, and what was given up; take no lock',
    options: ['json', 'state', 'older', 'label', 'exit-code', ...TRUST],
    example: 'list --state orphan,dead --older 1h --exit-code',
    load: async () => (await import('./verbs/list.ts')).runList,
  },
  {
    name: 'show',
    operands: 'ID|FILE',
    text: 'print all that one file says, and what to do next; take no lock',
    options: ['dir', 'json', 'cbor-diag', ...TRUST],
    example: 'show 0723eb',
    load: async () => (await import('./verbs/list.ts')).runShow,
  },
  {
    name: 'retry',
    operands: 'ID[.N]|FILE...|--all',
    text: 'give dead letters fresh attempts; the next sweep runs them',
    options: ['dir', 'all', 'name', 'label', 'older', 'json', ...TRUST],
    example: 'retry --all --name rmdir',
    load: async () => (await import('./verbs/letters.ts')).runRetry,
  },
  {
    name: 'discard',
    operands: 'ID[.N]|FILE...|--all',
    text: 'remove dead letters for ever',
    options: ['dir', 'all', 'name', 'label', 'older', 'yes', 'json', ...TRUST],
    example: 'discard --all --older 30d --yes',
    load: async () => (await import('./verbs/letters.ts')).runDiscard,
  },
  {
    name: 'doctor',
    operands: '[BASE]',
    text: 'check whether a place can keep what is promised; exit with 1 if it cannot',
    options: ['json', ...TRUST],
    example: 'doctor',
    load: async () => (await import('./verbs/doctor.ts')).runDoctor,
  },
  {
    name: 'completion',
    operands: 'bash',
    text: 'print a script that completes verbs and options',
    options: [],
    example: 'completion bash',
    load: async () => (await import('./verbs/completion.ts')).runCompletion,
  },
  {
    name: 'man',
    operands: '',
    text: 'print the manual page as man(1) reads it',
    options: [],
    example: 'man',
    load: async () => (await import('./verbs/help.ts')).runMan,
  },
  {
    name: 'help',
    operands: '[VERB]',
    text: 'print how a verb is used',
    options: [],
    example: 'help list',
    load: async () => (await import('./verbs/help.ts')).runHelp,
  },
  {
    name: 'exec',
    operands: '-- PROGRAM [ARGUMENT...]',
    text: 'run a program as a job',
    options: ['base', 'defer', 'scratch', 'label', 'kill-tree'],
    optionTexts: { label: 'the label of its job, for reports' },
    example: 'exec --scratch -- make',
    notes: `First BASE is swept. A signal in that time ends it: no program begins.

When the program has ended, however it ended, the job's commands run. If this
wrapper dies, too, the next sweep of BASE runs them.

Inside, 'deferred-sweep defer -- COMMAND' adds a command and prints its ID, and
'deferred-sweep cancel ID' takes it back.

Exit status: that of the program; it dies of the signal the program died of (as
pid 1: 128 + its number). 2 wrong usage; 125 no job could be opened; 126, 127
the program cannot be started, is not there.
`,
    load: async () => (await import('./exec/run-exec.ts')).runExec,
  },
  {
    name: 'defer',
    operands: '-- COMMAND [ARGUMENT...]',
    text: 'inside of exec: register a command',
    options: ['env'],
    example: 'defer -- rm -rf x',
    notes: `The command runs here, without a shell, when the job has ended. Its ID is
printed when it is registered. PATH and TMPDIR are kept for it.

Exit status: 0 registered; 1 refused, or registered but its ID could not be
printed; 2 wrong usage; 3 there is no job: nothing is registered.
`,
    load: async () => (await import('./exec/defer.ts')).runDefer,
  },
  {
    name: 'cancel',
    operands: 'ID',
    text: 'inside of exec: take a command back',
    options: [],
    example: 'cancel 1',
    notes: `Exit status: 0 it will not run; 1 it has run, is running or was taken back
before; 2 wrong usage; 3 there is no job.
`,
    load: async () => (await import('./exec/defer.ts')).runCancel,
  },
  {
    name: 'cluster',
    operands: 'VERB',
    text: 'the same for jobs kept in PostgreSQL',
    options: [],
    example: 'cluster list --pool ci',
    loadRaw: async () => (await import('./cluster/main.ts')).runCluster,
  },
];

export const VERB_NAMES: readonly string[] = VERBS.map(verb => verb.name);

export function verbNamed(name: string | undefined): VerbRow | undefined {
  return VERBS.find(verb => verb.name === name);
}

/** The first operand, if it is a verb; else all operands are those of `sweep`. @throws UsageError */
export function findVerb(all: Arguments): { line: Arguments; verb: VerbRow; isNamed: boolean } {
  const named = verbNamed(all.operands[0]);
  if (named?.loadRaw) throw new UsageError(`write ${named.name} before its options`);
  if (!named) return { line: all, verb: verbNamed('sweep')!, isNamed: false };
  return { line: all.withOperands(all.operands.slice(1)), verb: named, isNamed: true };
}

/** @param verbs - those that are named first where this one does not take an option @throws UsageError */
export function requireTaken(verb: VerbRow, line: Arguments, verbs: readonly VerbRow[] = VERBS): void {
  const foreign = line.names.find(name => !verb.options.includes(name));
  if (foreign === undefined) return;
  const takersOf = (rows: readonly VerbRow[]): string[] =>
    rows.filter(({ options }) => options.includes(foreign)).map(({ name }) => name);
  const takers = [verbs, VERBS, CLUSTER_VERBS].map(takersOf).find(({ length }) => length > 0) ?? [];
  const advice = takers.length > 0 ? `; ${takers.join(', ')} ${takers.length > 1 ? 'do' : 'does'}` : '';
  throw new UsageError(`${verb.name} does not take --${foreign}${advice}`);
}
