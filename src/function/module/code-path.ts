/** Which file a stored function is run from. */
import type { FunctionDescriptor } from '../descriptor.ts';
import { filePathOf } from './script-url.ts';

/** What is named, for messages, and where it is. */
export interface CodePath {
  readonly what: 'the module' | 'the program';
  readonly path: string;
}

/** The module or program of a function; undefined where all of it is in the record, or in Node. */
export function codePathOf(descriptor: FunctionDescriptor): CodePath | undefined {
  if (descriptor.kind === 'command') return { what: 'the program', path: descriptor.file };
  const path = descriptor.kind === 'module' ? filePathOf(descriptor.module) : undefined;
  return path === undefined ? undefined : { what: 'the module', path };
}
