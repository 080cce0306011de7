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
import { importedFiles, namedFiles } from './imported-files.ts';
import { comparablePath } from './script-url.ts';

const require = createRequire(import.meta.url);

/** As the options name them, made absolute. */
const programs = new Set<string>();

/** Of a file's imports so many are looked into; packages are not. */
const MOST_FILES = 500;

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
function realFile(path: string): string {
  return unlessUnresolved(() => realpathSync(require.resolve(path))) ?? path;
}

/**
 * Whether all of the files are the preloaded one's own. What the entry script imports is its own, too: a file that only
 * lends it a function opens no job.
 */
function opensJobs(file: string, callers: readonly string[]): boolean {
  const [home] = /^.*\/node_modules\/(@[^/]+\/)?[^/]+\//.exec(file) ?? [];
  // A package calls back what it was given.
  const own = callers.filter(path => !path.includes('/node_modules/') || path.startsWith(home ?? '\0'));
  if (own.length === 0) return false;
  if (home !== undefined) return own.every(path => path.startsWith(home));
  const ofFile = reachedFrom([file], path => [...importedFiles(path), ...namedFiles(path, 'import()')]);
  const ofEntry = reachedFrom(entryScripts(), importedFiles);
  return own.every(path => ofFile.has(path) && !ofEntry.has(path));
}

function reachedFrom(files: readonly string[], next: (path: string) => readonly string[]): Set<string> {
  const queue = [...files];
  const seen = new Set<string>();
  for (let path = queue.pop(); path !== undefined; path = queue.pop()) {
    const name = comparablePath(path);
    if (seen.has(name) || path.includes('/node_modules/') || seen.size >= MOST_FILES) continue;
    seen.add(name);
    queue.push(...next(path));
  }
  return seen;
}
