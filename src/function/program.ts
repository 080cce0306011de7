import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { isMainThread } from 'node:worker_threads';
import { errorCode } from './native-error.ts';
import { withoutQuery } from './script-url.ts';

const require = createRequire(import.meta.url);

/** Programs write what they like to `process.argv`; this is from before most of them get to it. */
const firstArgument = process.argv[1];

/** By what stood in argv[1]. */
const resolved = new Map<string, readonly string[]>();

/**
 * Whether the URL is that of the script this process, or this worker thread, was started with. Importing it again, to
 * find an export of it, would run the program a second time.
 */
export function isProgram(url: string): boolean {
  const plain = fileOf(url);
  // Null in Jest.
  const main = require.main?.filename;
  if (main !== undefined && plain === pathToFileURL(main).href) return true;
  // In a worker thread argv[1] is the script of the thread.
  return [firstArgument, process.argv[1], isMainThread ? undefined : commandLineScript()].some(
    argument => typeof argument === 'string' && programUrls(argument).includes(plain),
  );
}

function programUrls(argument: string): readonly string[] {
  let urls = resolved.get(argument);
  if (urls === undefined) {
    urls = resolveProgram(argument);
    if (resolved.size >= MOST_ARGUMENTS) resolved.clear();
    resolved.set(argument, urls);
  }
  return urls;
}

const MOST_ARGUMENTS = 10;

/**
 * argv[1] is as it was typed: perhaps a link, a directory, without its extension, or a URL (`--entry-url`). A link counts
 * under both names: `--preserve-symlinks-main` loads it under its own.
 */
function resolveProgram(argument: string): readonly string[] {
  if (/^(file|data):/.test(argument)) return [fileOf(argument)];
  const urls = [argument, withoutQuery(argument)].map(path => pathToFileURL(resolve(path)).href);
  try {
    const path = argument.startsWith('/') ? require.resolve(argument) : argument;
    urls.push(pathToFileURL(realpathSync(path)).href);
  } catch (error) {
    // What is no file, or no text that could name one, is no module either.
    if (errorCode(error) === undefined) throw error;
  }
  return urls;
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

/** The code of a `data:` URL may have any characters in it. */
function fileOf(url: string): string {
  return url.startsWith('data:') ? url : withoutQuery(url);
}
