import { dirname } from 'node:path';
import { moduleAt } from '../../trust/loaders.ts';
import type { FunctionDescriptor, NamespaceReference } from '../descriptor.ts';
import { filePathOf } from './script-url.ts';

export interface CodePath {
  readonly what: 'the module' | 'the program';
  readonly path: string;
}

/** The program, the module, or the modules that a closure captured. Empty where all of it is in the record, or in Node. */
export function codePathsOf(descriptor: FunctionDescriptor): CodePath[] {
  if (descriptor.kind === 'command') return [{ what: 'the program', path: descriptor.file }];
  const modules = descriptor.kind === 'module' ? [descriptor] : (descriptor.closure?.references ?? []);
  return modules.flatMap(module => {
    if (module.kind === 'source') return [];
    const path = module.kind === 'namespace' ? pathOfNamespace(module) : filePathOf(module.module);
    return path === undefined ? [] : [{ what: 'the module', path }];
  });
}

function pathOfNamespace({ module, from }: NamespaceReference): string | undefined {
  if (from === undefined || URL.canParse(module)) return filePathOf(module);
  if (/^\.{0,2}\//.test(module))
    return URL.canParse(module, from) ? filePathOf(new URL(module, from).href) : undefined;
  const importer = filePathOf(from);
  return importer && moduleAt(module, dirname(importer));
}
