/**
 * Files that `-r` or `--import` names and that are the program: code of such a file, and no other code of the program,
 * opens a job. An orphan's runner loads what the options name, but never these.
 */
import { realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { nodeStart } from '../../state/node-start.ts';
import { loadersOf, unlessUnresolved } from '../../trust/loaders.ts';
import { callingFiles } from './call-stack.ts';
import { entryScripts, isProgram } from './entry-script.ts';
import { markAsProgram } from './evaluation.ts';
import { filesFrom, importedFiles, isOwn, namedFiles } from './imported-files.ts';
import { comparablePath } from './script-url.ts';

const require = createRequire(import.meta.url);

/** As the options name them, made absolute. */
const programs = new Set<string>();

/** Whether the options' file is known to be the program. */
export function isPreloadedProgram(path: string): boolean {
  return programs.has(path);
}

/** Takes note of whose code opens a job. To be called where that begins. */
export function notePreloadedPrograms(): void {
  const named = loadersOf(nodeStart());
  if (named.every(isPreloadedProgram)) return;
  const callers = callingFiles();
  for (const path of named) {
    const file = realFile(path);
    const isOpener = callers !== undefined && opensJobs(file, callers);
    if (programs.has(path) || (!isOpener && !isProgram(file))) continue;
    programs.add(path);
    markAsProgram(file);
    if (isOpener) callers.forEach(markAsProgram);
  }
}

/** An option may name a link, or leave out the extension. */
export function realFile(path: string): string {
  return unlessUnresolved(() => realpathSync(require.resolve(path))) ?? path;
}

/**
 * Whether all of the files are the preloaded one's own. What the entry script imports is its own, too: a file that only
 * lends it a function opens no job.
 */
function opensJobs(file: string, callers: readonly string[]): boolean {
  const [home] = /^.*\/node_modules\/(@[^/]+\/)?[^/]+\//.exec(file) ?? [];
  // A package calls back what it was given.
  const own = callers.filter(path => isOwn(path) || path.startsWith(home ?? '\0'));
  if (own.length === 0) return false;
  if (home !== undefined) return own.every(path => path.startsWith(home));
  const imported = (path: string) => [...importedFiles(path), ...namedFiles(path, 'import()')];
  const ofFile = Array.from(filesFrom([file], imported), comparablePath);
  const ofEntry = Array.from(filesFrom(entryScripts()), comparablePath);
  return own.every(path => ofFile.includes(path) && !ofEntry.includes(path));
}
