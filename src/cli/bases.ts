/** Which directories a command line means. */
import { lstatSync, readdirSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { unlessRefused } from '../errors.ts';
import { didYouMean } from '../nearest.ts';
import { defaultBase } from '../state/default-base.ts';
import { DEAD_STEM, PREFIX, STATE_DIR_STEM } from '../state/names.ts';
import type { Arguments } from './arguments.ts';
import { UsageError } from './exit.ts';
import { say } from './output/output.ts';
import { VERB_NAMES } from './table.ts';

/**
 * The bases that operands name, each once, or the default one. A word without a slash must name a directory: else it may be
 * a misspelt verb, and the sweep would run what that was to prevent. A path with a slash may be missing: nothing is to do then.
 * @param ofMissing - what is said of one that is missing, by `tell`; nothing with `--quiet` @throws UsageError
 */
export function basesOf(
  line: Arguments,
  ofMissing: (path: string) => string = path => `nothing to do in ${path}`,
  tell: (message: string) => void = say,
): readonly string[] {
  const { operands } = line;
  if (operands.includes('')) throw new UsageError('BASE must not be empty');
  for (const word of operands)
    if (!word.includes('/') && !exists(word)) {
      if (VERB_NAMES.includes(word))
        throw new UsageError(`write ${word} as the first word; a directory is ./${word}`);
      const advice = didYouMean(word, VERB_NAMES) || `; for a directory that may be missing, write ./${word}`;
      throw new UsageError(`${word} is neither a verb nor a directory here${advice}`);
    }
  const bases = [...new Map(operands.map(path => [absolute(path), path])).values()];
  const chosen = bases.length > 0 ? bases : [defaultBase()];
  for (const path of line.has('quiet') ? [] : chosen) {
    const meant = baseAbove(absolute(path));
    if (meant !== undefined) tell(`${path} is where the state files of ${meant} are: name that one`);
    else if (bases.length > 0 && !exists(path)) tell(`${ofMissing(path)}: ${absolute(path)} does not exist`);
  }
  return chosen;
}

/**
 * The BASE of a directory of state files or dead letters, or undefined. Reports name those, so people give them as BASE.
 * Nothing is found below them.
 */
function baseAbove(path: string): string | undefined {
  if (exists(join(path, STATE_DIR_STEM))) return undefined;
  const base = baseOfFile(join(path, PREFIX));
  if (base === undefined) return undefined;
  const hasFiles = (): boolean =>
    readdirSync(path).some(name => name.startsWith(PREFIX) || name === DEAD_STEM);
  return unlessRefused(hasFiles, false) ? base : undefined;
}

/** Whose state files, or dead letters, a file is among. */
export function baseOfFile(path: string): string | undefined {
  const directory = dirname(absolute(path));
  const place = basename(directory) === DEAD_STEM ? dirname(directory) : directory;
  return basename(place) === STATE_DIR_STEM ? dirname(place) : undefined;
}

function exists(path: string): boolean {
  // What the system refuses to tell is told when it is read: a lost working directory, and a link to nowhere, too.
  return unlessRefused(() => lstatSync(resolve(path), { throwIfNoEntry: false }) !== undefined, true);
}

function absolute(path: string): string {
  return unlessRefused(() => resolve(path), path);
}
