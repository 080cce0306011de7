/** Which directories a command line means. */
import { statSync } from 'node:fs';
import { resolve } from 'node:path';
import { unlessRefused } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { defaultBase } from '../state/default-base.ts';
import { UsageError } from './exit.ts';
import { say } from './output/output.ts';
import { VERB_NAMES } from './table.ts';

/**
 * The bases that operands name, or the default one. A word without a slash must be a directory: else it is a verb that
 * was misspelt, and what it was to prevent must not run. A path with a slash may be missing: there is nothing to do then.
 * @param ofMissing - what is said of one that is missing, by `tell`
 * @throws UsageError
 */
export function basesOf(
  operands: readonly string[],
  ofMissing: (path: string) => string = path => `nothing to do in ${path}`,
  tell: (message: string) => void = say,
): readonly string[] {
  if (operands.includes('')) throw new UsageError('BASE must not be empty');
  for (const word of operands)
    if (!word.includes('/') && !exists(word)) {
      const advice = didYouMean(word, VERB_NAMES) || `; a missing directory is written ./${word}`;
      throw new UsageError(`${word} is neither a verb nor a directory${advice}`);
    }
  for (const path of operands) if (!exists(path)) tell(`${ofMissing(path)}: ${resolve(path)} does not exist`);
  return operands.length > 0 ? operands : [defaultBase()];
}

function exists(path: string): boolean {
  // What the system refuses to tell is told when it is read.
  return unlessRefused(() => statSync(path, { throwIfNoEntry: false }) !== undefined, true);
}
