/** The files that a scenario must not leave, and what is in them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { replay } from '#dist/log/replay.js';
import { restore } from '#dist/value/decode.js';

export interface Leftovers {
  /** Paths below the state directory, but for dead letters. */
  readonly files: readonly string[];
  /** The names of the functions that were given up. */
  readonly letters: readonly string[];
  /** Files set aside whole. */
  readonly damaged: readonly string[];
}

export function leftoversOf(base: string): Leftovers {
  const directory = join(base, 'deferred');
  const all = existsSync(directory) ? readdirSync(directory, { recursive: true, encoding: 'utf8' }) : [];
  const dead = all.filter(path => path.startsWith('dead/') && !path.endsWith('.tmp'));
  const damaged = dead.filter(path => path.endsWith('.damaged'));
  const letters = dead
    .filter(path => !path.endsWith('.damaged'))
    .flatMap(path => namesIn(join(directory, path)));
  const files = all.filter(path => !dead.includes(path) && !(path === 'dead' && dead.length > 0));
  return { files, letters, damaged };
}

function namesIn(letter: string): string[] {
  const { functions } = replay(readFileSync(letter));
  return [...functions.values()].map(({ record }) => nameOf(record.arguments));
}

/** The names of all functions in the state files of a directory, by the name of their file and their number in it. */
export function functionsIn(directory: string): Map<string, string> {
  const files = existsSync(directory) ? readdirSync(directory).filter(name => name !== 'dead') : [];
  return new Map(
    files.flatMap(file =>
      [...replay(readFileSync(join(directory, file))).functions.values()].map(
        ({ record }) => [`${file} ${record.id}`, nameOf(record.arguments)] as const,
      ),
    ),
  );
}

function nameOf(args: Parameters<typeof restore>[0]): string {
  return String((restore(args) as unknown[])[1]);
}
