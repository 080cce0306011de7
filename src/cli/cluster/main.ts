/** `deferred-sweep cluster`: finds the verb, loads what it needs. */
import { reportError } from '../../report/reported-error.ts';
import { EXIT_DONE, EXIT_NOT_SWEPT, EXIT_USAGE, UsageError } from '../exit.ts';
import { CLUSTER_USAGE, type ClusterLine, parseClusterLine } from './arguments.ts';
import { printable } from './format.ts';

/** Runs a command line without its first word, `cluster`. Returns the exit status; never rejects. */
export async function runCluster(argv: readonly string[]): Promise<number> {
  try {
    const line = parseClusterLine(argv);
    if (line !== undefined) return await runVerb(line);
    process.stdout.write(CLUSTER_USAGE);
    return EXIT_DONE;
  } catch (error) {
    const { message } = reportError(error);
    const isUsage = error instanceof UsageError || error instanceof TypeError;
    process.stderr.write(
      `deferred-sweep: ${printable(message)}\n${isUsage ? "Try 'deferred-sweep cluster --help'.\n" : ''}`,
    );
    return isUsage ? EXIT_USAGE : EXIT_NOT_SWEPT;
  }
}

async function runVerb(line: ClusterLine): Promise<number> {
  switch (line.verb) {
    case 'migrate':
      return await (await import('./migrate.ts')).runMigrate(line);
    case 'sweep':
    case 'watch':
      return await (await import('./sweep.ts')).runClusterSweep(line);
    default:
      return await (await import('./operate.ts')).runOperator(line);
  }
}
