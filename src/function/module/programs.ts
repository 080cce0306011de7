/**
 * Which modules may not be imported to find a function again: the program, or a part of it that runs jobs, would run a second
 * time; a module that is still being evaluated would wait for itself.
 */
import { readFileSync, realpathSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import { isMainThread } from 'node:worker_threads';
import { nodeStart } from '../../state/runner-start.ts';
import { loadersOf, unlessUnresolved } from '../../trust/loaders.ts';
import type { Script } from '../inspector/inspector.ts';
import { codeOf } from '../source-code/script-code.ts';
import { callingFiles, noteCallers, notedPositions } from './call-stack.ts';
import { filesFrom, importedFiles, isOwn, namedFiles } from './imported-files.ts';
import { comparablePath, filePathOf, withoutQuery } from './script-url.ts';

const require = createRequire(import.meta.url);

/** By comparable path: modules seen to be evaluated while a job was open, or about to be. */
const running = new Set<string>();

/** Whether the module is the program, is being evaluated, starts what is running, or imports one that does. */
export function restartsProgram(script: Script): boolean {
  const { url } = script;
  const path = comparablePath(url);
  if (running.has(path)) return true;
  noteCallers();
  const positions = notedPositions(url);
  const topLevel = positions && codeOf(script)?.topLevel;
  if (topLevel?.startsWork || positions?.some(position => topLevel?.isOutsideFunctions(position)))
    running.add(path);
  return running.has(path) || leadsToProgram(url);
}

/** The same of a CommonJS module that is only known by name. */
export function leadsToProgram(url: string): boolean {
  const file = filePathOf(url);
  for (const path of file === undefined ? [] : filesFrom([file])) {
    if (require.cache[path]?.loaded === false || isProgram(path) || running.has(comparablePath(path)))
      return true;
  }
  return false;
}

/** Whether this is a script that this process, or this worker thread, was started with. */
export function isProgram(urlOrPath: string): boolean {
  return entryScripts().includes(comparablePath(urlOrPath));
}

/** Programs write what they like to `process.argv`; this is from before most of them get to it. */
const firstArgument = process.argv[1];

/** By what stood in argv[1]. */
const resolved = new Map<string, readonly string[]>();
const MOST_ARGUMENTS = 10;

/** By comparable path, under each name that it has. Not all need be files. */
function entryScripts(): readonly string[] {
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

/**
 * Files that `-r` or `--import` names, made absolute, whose code opens a job, and no other code of the program does. An
 * orphan's runner loads what the options name, but never these.
 */
const preloaded = new Set<string>();

export function isPreloadedProgram(path: string): boolean {
  return preloaded.has(path);
}

/** Takes note of whose code opens a job. To be called where that begins. */
export function notePreloadedPrograms(): void {
  const named = loadersOf(nodeStart());
  if (named.every(isPreloadedProgram)) return;
  const callers = callingFiles();
  for (const path of named) {
    const file = realFile(path);
    const isOpener = callers !== undefined && opensJobs(file, callers);
    if (preloaded.has(path) || (!isOpener && !isProgram(file))) continue;
    preloaded.add(path);
    for (const program of isOpener ? [file, ...callers] : [file]) running.add(comparablePath(program));
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
