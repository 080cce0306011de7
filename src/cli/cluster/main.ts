/** `deferred-sweep cluster`: finds the verb, loads what it needs. */
import { EXIT_DONE, UsageError } from '../exit.ts';
import { failed, print } from '../output/output.ts';
import { type ClusterLine, type ClusterVerb, parseClusterLine } from './arguments.ts';

/** Runs a command line without its first word, `cluster`. Returns the exit status. @throws UsageError */
export async function runCluster(argv: readonly string[]): Promise<number> {
  try {
    const line = parseClusterLine(argv);
    if (line !== undefined) return await (await VERBS[line.verb]())(line);
    print((await import('./usage.ts')).CLUSTER_USAGE);
    return EXIT_DONE;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    return failed(error);
  }
}

const VERBS: Readonly<Record<ClusterVerb, () => Promise<(line: ClusterLine) => Promise<number>>>> = {
  migrate: async () => (await import('./migrate.ts')).runMigrate,
  list: async () => (await import('./operate.ts')).runList,
  show: async () => (await import('./operate.ts')).runShow,
  sweep: async () => (await import('./sweep.ts')).runClusterSweep,
  watch: async () => (await import('./sweep.ts')).runClusterSweep,
  retry: async () => (await import('./letters.ts')).runRetry,
  discard: async () => (await import('./letters.ts')).runDiscard,
};
