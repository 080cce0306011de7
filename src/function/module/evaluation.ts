/**
 * Which modules may not be imported to find a function again: importing one would run the program, or a part of it that
 * runs jobs, a second time; and a module that is still being evaluated would wait for itself.
 */
import { createRequire } from 'node:module';
import type { Script } from '../inspector/inspector.ts';
import { codeOf } from '../source-code/script-code.ts';
import { noteCallers, notedPositions } from './call-stack.ts';
import { isProgram } from './entry-script.ts';
import { filesFrom } from './imported-files.ts';
import { comparablePath, filePathOf } from './script-url.ts';

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

/** From now on the file is one that may not be imported. */
export function markAsProgram(path: string): void {
  running.add(comparablePath(path));
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
