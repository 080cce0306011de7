import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';
import { errorCode } from './native-error.ts';

const require = createRequire(import.meta.url);

let lastArgument: string | undefined;
let lastUrl: string | undefined;

/**
 * Whether the URL is that of the script this process, or this worker thread, was started with. Importing it again, to
 * find an export of it, would run the program a second time.
 */
export function isProgram(url: string): boolean {
  const plain = url.replace(/[?#].*$/, '');
  if (require.main !== undefined && plain === pathToFileURL(require.main.filename).href) return true;
  // In a worker thread this is the script of the thread.
  const argument = process.argv[1];
  if (argument === undefined) return false;
  if (argument !== lastArgument) {
    lastArgument = argument;
    lastUrl = resolveProgram(argument);
  }
  return plain === lastUrl;
}

/** argv[1] is as it was typed: perhaps a link, a directory, or without its extension. */
function resolveProgram(argument: string): string | undefined {
  try {
    return pathToFileURL(realpathSync(argument.startsWith('/') ? require.resolve(argument) : argument)).href;
  } catch (error) {
    // A program may write what it likes to argv; what is no file cannot be a module either.
    const code = errorCode(error);
    if (code === 'MODULE_NOT_FOUND' || code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}
