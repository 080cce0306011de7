import { isSea } from 'node:sea';
import type { NodeStart } from '../trust/loaders.ts';
import { startedIn } from './place.ts';

/** How Node was started. Texts are well-formed, as a header needs them. */
export function nodeStart(): NodeStart {
  return {
    execArgv: textsOf(process.execArgv),
    nodeOptions: (process.env.NODE_OPTIONS ?? '').toWellFormed(),
    directory: startedIn?.path ?? '/',
  };
}

/** False in Electron and in a single executable application: started again, they are the application. */
export function isPlainNode(): boolean {
  return process.versions.electron === undefined && !isSea();
}

/** What of a list is text. Programs write what they like to it, and Node itself gives each thread one of its own. */
function textsOf(list: unknown): string[] {
  // An array of ours: Node's own is of another realm where a test runner loads us into a context.
  const items: unknown[] = Array.isArray(list) ? [...list] : [];
  return items.flatMap(item => (typeof item === 'string' ? [item.toWellFormed()] : []));
}
