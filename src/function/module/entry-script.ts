/**
 * Which scripts this process, or this worker thread, was started with. Importing one again, to find an export of it,
 * would run the program a second time.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { unlessUnresolved } from '../../trust/loaders.ts';
import { comparablePath, withoutQuery } from './script-url.ts';

const require = createRequire(import.meta.url);

/** Programs write what they like to `process.argv`; this is from before most of them get to it. */
const firstArgument = process.argv[1];

/** By what stood in argv[1]. */
const resolved = new Map<string, readonly string[]>();

/** Whether the URL or path is that of the program's own script. */
export function isProgram(urlOrPath: string): boolean {
  return entryScripts().includes(comparablePath(urlOrPath));
}

/** By comparable path, under each name that it has. Not all need be files. */
export function entryScripts(): readonly string[] {
  // In a worker thread argv[1] is the script of the thread; `require.main` is null in Jest.
  const ofMainThread = isMainThread ? undefined : commandLineScript();
  const names = [require.main?.filename, firstArgument, process.argv[1], ofMainThread];
  return names.flatMap(name => {
    if (typeof name !== 'string') return [];
    if (resolved.size >= MOST_ARGUMENTS) resolved.clear();
    if (!resolved.has(name)) resolved.set(name, resolveProgram(name).map(comparablePath));
    return resolved.get(name)!;
  });
}

const MOST_ARGUMENTS = 10;

/**
 * argv[1] is as it was typed: perhaps a link, a directory, without its extension, or a URL (`--entry-url`). A link counts
 * under both names: `--preserve-symlinks-main` loads it under its own.
 */
function resolveProgram(argument: string): readonly string[] {
  if (/^(file|data):/.test(argument)) return [argument];
  // What is no file, or no text that could name one, is no module either.
  const real = unlessUnresolved(() =>
    realpathSync(argument.startsWith('/') ? require.resolve(argument) : argument),
  );
  return [argument, withoutQuery(argument), ...(real === undefined ? [] : [real])].map(path => resolve(path));
}

let mainScript: string | undefined;

/** The script of the main thread, of which a worker thread is told nothing; Linux shows it. */
function commandLineScript(): string | undefined {
  if (mainScript === undefined) {
    const commandLine = unlessUnresolved(() => readFileSync('/proc/self/cmdline', 'utf8')) ?? '';
    const [first, second] = commandLine.split('\0').slice(1 + process.execArgv.length, -1);
    mainScript = (first === '--' ? second : first) ?? '';
  }
  return mainScript === '' ? undefined : mainScript;
}
