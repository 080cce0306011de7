#!/usr/bin/env node
import { parseCommandLine, USAGE } from './arguments.ts';
/** The command line: finds the verb, loads what it needs and nothing else. */
import { EXIT_USAGE, UsageError } from './exit.ts';

/** A reader that goes away (`| head`) ends the output, not the sweep. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

try {
  const line = parseCommandLine(process.argv.slice(2), process.env);
  switch (line.verb) {
    case 'help':
      process.stdout.write(USAGE);
      break;
    case 'version':
      process.stdout.write(`${(await import('./version.ts')).version()}\n`);
      break;
    case 'sweep':
    case 'cleanup':
      process.exitCode = await (await import('./sweep.ts')).runSweep(line);
  }
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  process.stderr.write(`deferred-sweep: ${error.message}\nTry 'deferred-sweep --help'.\n`);
  process.exitCode = EXIT_USAGE;
}
