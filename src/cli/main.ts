#!/usr/bin/env node
/** The command line: finds the verb, loads what it needs and nothing else. */
import { printable } from '../printable.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_USAGE, UsageError } from './exit.ts';

let hasOutputFailed = false;

/** Output that fails ends the output, not the sweep. Of a reader that goes away (`| head`) nothing is said. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') return;
  hasOutputFailed = true;
  process.exitCode = EXIT_FAILED;
  process.stderr.write(`deferred-sweep: cannot write to standard output: ${printable(error.message)}\n`);
});
// Nowhere to say it.
process.stderr.on('error', () => {});

/** Verbs that take the rest of the line as it is. */
const VERBS: Readonly<
  Record<string, () => Promise<(argv: string[], env: NodeJS.ProcessEnv) => Promise<number>>>
> = {
  exec: async () => (await import('./exec.ts')).runExec,
  defer: async () => (await import('./defer.ts')).runDefer,
  cancel: async () => (await import('./cancel.ts')).runCancel,
  cluster: async () => (await import('./cluster/main.ts')).runCluster,
};

try {
  const [word = '', ...rest] = process.argv.slice(2);
  if (Object.hasOwn(VERBS, word)) process.exitCode = await (await VERBS[word]!())(rest, process.env);
  else await runLine();
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`deferred-sweep: ${printable(error.message)}\nTry 'deferred-sweep --help'.\n`);
  process.exitCode = EXIT_USAGE;
}

async function runLine(): Promise<void> {
  const { parseCommandLine, USAGE } = await import('./arguments.ts');
  const line = parseCommandLine(process.argv.slice(2), process.env);
  switch (line.verb) {
    case 'help':
      process.stdout.write(USAGE);
      break;
    case 'version':
      process.stdout.write(`${(await import('./version.ts')).version()}\n`);
      break;
    case 'all-users': {
      const status = await (await import('./all-users.ts')).runAllUsers(line);
      process.exitCode = Math.max(status, hasOutputFailed ? EXIT_FAILED : EXIT_DONE);
      break;
    }
    case 'sweep':
    case 'cleanup': {
      const status = await (await import('./sweep.ts')).runSweep(line);
      process.exitCode = Math.max(status, hasOutputFailed ? EXIT_FAILED : EXIT_DONE);
    }
  }
}
