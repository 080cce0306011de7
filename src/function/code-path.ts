/** Which file a stored function is run from. */
import { fileURLToPath } from 'node:url';
import type { FunctionDescriptor } from './descriptor.ts';
import { isPath, withoutQuery } from './script-url.ts';

/** What is named, for messages, and where it is. */
export interface CodePath {
  readonly what: 'the module' | 'the program';
  readonly path: string;
}

/** The module or program of a function; undefined where all of it is in the record, or in Node. */
export function codePathOf(descriptor: FunctionDescriptor): CodePath | undefined {
  if (descriptor.kind === 'command') return { what: 'the program', path: descriptor.file };
  if (descriptor.kind !== 'module' || !descriptor.module.startsWith('file:') || !isPath(descriptor.module))
    return undefined;
  return { what: 'the module', path: fileURLToPath(withoutQuery(descriptor.module)) };
}
