/** Calls of this package's own functions, by the name of their export: stored without looking into a function. */
import { DeferredFunction } from '../function/deferred-function.ts';
import type { MarkedProcesses } from './end-processes.ts';

export function deferEnd(marked: MarkedProcesses): DeferredFunction {
  return deferByName('end-processes', 'endProcesses', marked);
}

export function deferByName(file: string, name: string, ...args: readonly unknown[]): DeferredFunction {
  const module = new URL(`../actions/${file}.js`, import.meta.url).href;
  return DeferredFunction.of({ module, export: name }, ...args);
}
