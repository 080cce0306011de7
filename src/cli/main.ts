#!/usr/bin/env node
/** The command line: finds the verb, loads what it needs and nothing else. */
import { isWithoutDirectory, systemErrorCode } from '../errors.ts';
import { oldNode } from '../old-node.ts';
import { asksForZero, parseArguments } from './arguments.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_SWEPT, EXIT_USAGE, UsageError } from './exit.ts';
import { failed, print, say } from './output/output.ts';
import { findVerb, requireTaken, verbNamed } from './table.ts';

const argv = process.argv.slice(2);
const isZeroAsked = asksForZero(argv);
let hasOutputFailed = false;

/** Output that fails ends the output, not the sweep. Of a reader that goes away (`| head`) nothing is said. */
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // Each write fails anew. Once is enough.
  if (error.code === 'EPIPE' || hasOutputFailed) return;
  hasOutputFailed = true;
  end(EXIT_FAILED);
  say(`cannot write to standard output: ${error.message}`);
});
// Nowhere to say it.
process.stderr.on('error', () => {});

try {
  const status = await run();
  end(Math.max(status, hasOutputFailed ? EXIT_FAILED : EXIT_DONE));
} catch (error) {
  if (error instanceof UsageError) tellUsage(error);
  // Of what the system refuses start.ts tells, as it does where this module cannot be loaded.
  else if (isWithoutDirectory(error) || (isZeroAsked && systemErrorCode(error) === undefined))
    end(failed(error));
  else throw error;
}

/** Ends with this status, unless the line asks for another. */
function end(status: number): void {
  process.exitCode = isZeroAsked ? EXIT_DONE : status;
}

function tellUsage({ message }: UsageError): void {
  say(message);
  const name = verbNamed(argv[0])?.name;
  const verb = name === undefined || name === 'help' ? '' : ` ${name}`;
  process.stderr.write(`Try 'deferred-sweep${verb} --help'.\n`);
  process.exitCode = EXIT_USAGE;
}

async function run(): Promise<number> {
  const old = oldNode();
  if (old) {
    say(old.message);
    return EXIT_NOT_SWEPT;
  }
  const [word, ...rest] = argv;
  const raw = verbNamed(word)?.loadRaw;
  if (raw !== undefined) return (await raw())(rest);
  const { line, verb, isNamed } = findVerb(parseArguments(argv));
  if (line.has('help') || line.has('version')) {
    const { generalHelp, verbHelp, version } = await import('./verbs/help.ts');
    const text = isNamed ? verbHelp(verb) : generalHelp();
    print(line.has('help') ? text : `${version()}\n`);
    return EXIT_DONE;
  }
  requireTaken(verb, line);
  return (await verb.load!())(line);
}
