/** Where a program is, as execvp(3) would find it. */
import { accessSync, constants, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { DeferredSweepError, unlessRefused } from '../errors.ts';

/** What execvp(3) searches where there is no PATH. */
const USUAL_PATH = '/bin:/usr/bin';

/**
 * The absolute path of a program; undefined when there is none.
 * @param file - a name, to be searched for in `path`, or a path, relative to the working directory
 */
export function findProgram(file: string, path: string | undefined): string | undefined {
  // An empty part means the working directory.
  const directories = file.includes('/') ? [''] : (path ?? USUAL_PATH).split(':');
  for (const directory of directories) {
    const found = unlessRefused(() => resolve(directory, file), undefined);
    if (found !== undefined && isAbsolute(found) && isExecutable(found)) return found;
  }
  return undefined;
}

/**
 * As {@link findProgram}.
 * @throws DeferredSweepError `DEFERRED_FUNCTION_MISSING` when there is none
 */
export function requireProgram(file: string, path: string | undefined): string {
  const found = findProgram(file, path);
  if (found !== undefined) return found;
  const where = file.includes('/') ? '' : ` in ${path ?? USUAL_PATH}`;
  throw new DeferredSweepError(
    'DEFERRED_FUNCTION_MISSING',
    `cannot defer the command ${JSON.stringify(file)}: there is no such program${where} that this user may run; install it, or give its path`,
  );
}

/** Whether this is a file that this user may run. */
export function isExecutable(path: string): boolean {
  return unlessRefused(() => {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  }, false);
}
