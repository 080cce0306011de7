/**
 * Which scripts this process, or this worker thread, was started with. Importing one again, to find an export of it,
 * would run the program a second time.
 */

import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { errorCode } from '../../errors.ts';
import { comparablePath, withoutQuery } from './script-url.ts';

const require = createRequire(import.meta.url);

/** Programs write what they like to `process.argv`; this is from before most of them get to it. */
const firstArgument = process.argv[1];

/** By what stood in argv[1]. */
const resolved = new Map<string, readonly string[]>();

/** Whether the URL or path is that of the program's own script. */
export function isProgram(urlOrPath: string): boolean {
  const path = comparablePath(urlOrPath);
  // Null in Jest.
  const main = require.main?.filename;
  if (main !== undefined && path === comparablePath(main)) return true;
  return entryScripts().includes(path);
}

/** By comparable path, under each name that it has. Not all need be files. */
export function entryScripts(): readonly string[] {
  // In a worker thread argv[1] is the script of the thread.
  const names = [firstArgument, process.argv[1], isMainThread ? undefined : commandLineScript()];
  return names.flatMap(name => (typeof name === 'string' ? programPaths(name) : []));
}

function programPaths(argument: string): readonly string[] {
  let paths = resolved.get(argument);
  if (paths === undefined) {
    paths = resolveProgram(argument).map(comparablePath);
    if (resolved.size >= MOST_ARGUMENTS) resolved.clear();
    resolved.set(argument, paths);
  }
  return paths;
}

const MOST_ARGUMENTS = 10;

/**
 * argv[1] is as it was typed: perhaps a link, a directory, without its extension, or a URL (`--entry-url`). A link counts
 * under both names: `--preserve-symlinks-main` loads it under its own.
 */
function resolveProgram(argument: string): readonly string[] {
  if (/^(file|data):/.test(argument)) return [argument];
  const paths = [argument, withoutQuery(argument)].map(path => resolve(path));
  try {
    const path = argument.startsWith('/') ? require.resolve(argument) : argument;
    paths.push(realpathSync(path));
  } catch (error) {
    // What is no file, or no text that could name one, is no module either.
    if (errorCode(error) === undefined) throw error;
  }
  return paths;
}

let mainScript: string | undefined;

/** The script of the main thread, of which a worker thread is told nothing; Linux shows it. */
function commandLineScript(): string | undefined {
  if (mainScript === undefined) {
    const file = '/proc/self/cmdline';
    const argv = existsSync(file) ? readFileSync(file, 'utf8').split('\0').slice(1, -1) : [];
    const rest = argv.slice(process.execArgv.length);
    mainScript = (rest[0] === '--' ? rest[1] : rest[0]) ?? '';
  }
  return mainScript === '' ? undefined : mainScript;
}
