/** The verbs of `deferred-sweep cluster`. */
import type { VerbRow } from '../arguments.ts';

const CHOOSING = ['all', 'name', 'label', 'older'] as const;
const OPERATING = ['pool', 'schema', 'call-timeout', 'json'] as const;

export const CLUSTER_VERBS: readonly VerbRow[] = [
  {
    name: 'cluster migrate',
    operands: '',
    text: 'make the schema, or bring it to this version',
    options: ['schema', 'worker', 'operator', 'call-timeout'],
    example: 'cluster migrate --worker ci --operator ops',
    load: async () => (await import('./operate.ts')).runMigrate,
  },
  {
    name: 'cluster list',
    operands: '',
    text: 'print what is registered in a pool, whose it is, and what was given up',
    options: [...OPERATING, 'state', 'older', 'label', 'exit-code'],
    example: 'cluster list --pool ci --state orphan,dead --exit-code',
    load: async () => (await import('./operate.ts')).runList,
  },
  {
    name: 'cluster show',
    operands: 'ID',
    text: 'print all that is known of one owner or dead letter',
    options: OPERATING,
    example: 'cluster show 41b485 --pool ci',
    load: async () => (await import('./operate.ts')).runShow,
  },
  {
    name: 'cluster sweep',
    operands: '',
    text: 'run the functions of lost owners once; after --deadline none begins, and the one in progress finishes',
    options: [...OPERATING, 'handlers', 'deadline', 'quiet', 'exit-zero'],
    example: 'cluster sweep --pool ci --handlers handlers.mjs',
    load: async () => (await import('./sweep.ts')).runSweep,
  },
  {
    name: 'cluster watch',
    operands: '',
    text: 'the same again and again, until SIGINT or SIGTERM',
    options: [...OPERATING, 'handlers', 'interval'],
    example: 'cluster watch --pool ci --handlers handlers.mjs',
    load: async () => (await import('./sweep.ts')).runWatch,
  },
  {
    name: 'cluster retry',
    operands: 'ID[.N]...|--all',
    text: 'give dead letters all their attempts again',
    options: [...OPERATING, ...CHOOSING],
    example: 'cluster retry --pool ci --all --name undo',
    load: async () => (await import('./operate.ts')).runRetry,
  },
  {
    name: 'cluster discard',
    operands: 'ID[.N]...|--all',
    text: 'remove dead letters, or functions (OWNER.N) whose owner is gone',
    options: [...OPERATING, ...CHOOSING, 'yes'],
    example: 'cluster discard --pool ci 41b485.2 --yes',
    load: async () => (await import('./operate.ts')).runDiscard,
  },
];
