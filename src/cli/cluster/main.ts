/** `deferred-sweep cluster`: finds the verb, loads what it needs. */
import { printable } from '../../printable.ts';
import { reportError } from '../../report/reported-error.ts';
import { EXIT_DONE, EXIT_NOT_SWEPT, EXIT_USAGE, UsageError } from '../exit.ts';
import { print, say } from '../output/output.ts';
import { type ClusterLine, parseClusterLine } from './arguments.ts';

/** Runs a command line without its first word, `cluster`. Returns the exit status; never rejects. */
export async function runCluster(argv: readonly string[]): Promise<number> {
  try {
    const line = parseClusterLine(argv);
    if (line !== undefined) return await runVerb(line);
    print((await import('./usage.ts')).CLUSTER_USAGE);
    return EXIT_DONE;
  } catch (error) {
    if (!(error instanceof UsageError)) {
      say(reportError(error).message);
      return EXIT_NOT_SWEPT;
    }
    process.stderr.write(
      `deferred-sweep: ${printable(error.message)}\nTry 'deferred-sweep cluster --help'.\n`,
    );
    return EXIT_USAGE;
  }
}

async function runVerb(line: ClusterLine): Promise<number> {
  switch (line.verb) {
    case 'migrate':
      return await (await import('./migrate.ts')).runMigrate(line);
    case 'sweep':
    case 'watch':
      return await (await import('./sweep.ts')).runClusterSweep(line);
    case 'list':
      return await (await import('./operate.ts')).runList(line);
    case 'show':
      return await (await import('./operate.ts')).runShow(line);
    case 'retry':
      return await (await import('./letters.ts')).runRetry(line);
    case 'discard':
      return await (await import('./letters.ts')).runDiscard(line);
  }
}
