import { didYouMean } from '../../nearest.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, UsageError } from '../exit.ts';
import { generalHelp, verbHelp } from '../help-text.ts';
import { VERB_NAMES, verbNamed } from '../table.ts';

/** The verb `help`. */
export async function runHelp({ operands }: Arguments): Promise<number> {
  const [name, ...more] = operands;
  if (name === undefined) {
    process.stdout.write(generalHelp());
    return EXIT_DONE;
  }
  const verb = verbNamed(name);
  if (verb === undefined) throw new UsageError(`there is no verb ${name}${didYouMean(name, VERB_NAMES)}`);
  // It has verbs of its own.
  if (verb.loadRaw) return (await verb.loadRaw())([...more, '--help']);
  if (more.length > 0) throw new UsageError(`help takes one VERB, got ${operands.join(' ')}`);
  process.stdout.write(verbHelp(verb));
  return EXIT_DONE;
}
