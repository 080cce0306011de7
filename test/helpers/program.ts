/** Programs that register functions: written by a test, run in a directory of their own. */
import { type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { TestContext } from 'node:test';
import { linkPackage, plainEnvironment } from './command-line.ts';
import { freshDirectory } from './fresh-directory.ts';

export interface Project {
  /** Where the program lies, with `deferred-sweep` beside it. */
  readonly directory: string;
  /** The base directory, and a ledger beside it. */
  readonly base: string;
  readonly ledger: string;
}

export function makeProject(t: TestContext, files: Readonly<Record<string, string>>): Project {
  const directory = freshDirectory(t);
  linkPackage(directory);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(directory, name)), { recursive: true });
    writeFileSync(join(directory, name), text);
  }
  return { directory, base: join(directory, 'base'), ledger: join(directory, 'ledger') };
}

/** Runs Node there to its end. A program that starts itself again and again is ended by its time. */
export function runNode(
  { directory, base, ledger }: Project,
  args: readonly string[],
  { cwd = directory, env = {} }: { cwd?: string; env?: NodeJS.ProcessEnv } = {},
): SpawnSyncReturns<string> {
  return spawnSync(process.execPath, args, {
    cwd,
    env: { ...plainEnvironment(), BASE: base, LEDGER: ledger, ...env },
    encoding: 'utf8',
    timeout: 60_000,
  });
}
