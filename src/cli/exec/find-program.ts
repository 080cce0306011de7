import { accessSync, constants, statSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { unlessRefused } from '../../errors.ts';

/** The absolute path of a program, found as execvp(3) does; undefined when there is none. */
export function findProgram(name: string, path: string | undefined): string | undefined {
  if (name.includes('/')) return isProgram(resolve(name)) ? resolve(name) : undefined;
  // An empty part means the working directory.
  const directories = (path ?? '/usr/bin:/bin').split(delimiter);
  return directories.map(directory => resolve(join(directory || '.', name))).find(isProgram);
}

function isProgram(path: string): boolean {
  return unlessRefused(() => {
    accessSync(path, constants.X_OK);
    return statSync(path).isFile();
  }, false);
}
