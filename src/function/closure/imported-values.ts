/**
 * What a transpiler's import gives for a name is a variable of another file, seen through an object: `lib_1.count`. A closure has
 * its value; a function of that file may assign to it.
 */
import types from 'node:util/types';
import type { Callable } from '../descriptor.ts';
import { type InspectedFunction, inspectFunction, type Script } from '../inspector/inspector.ts';
import { read, scopeOf } from '../inspector/read-variable.ts';
import { exportsOfCommonJs } from '../module/find-export.ts';
import { codeOf } from '../source-code/script-code.ts';
import { analysisOf } from './store-source.ts';

/** A value of an imported name. */
export interface ImportedValue {
  readonly name: string;
  readonly value: unknown;
  /** The object that stands for the module. */
  readonly namespace: object;
}

/** Whether it is the value of a variable, which a function of another file sees. */
export function isImportOf(
  { name, value, namespace }: ImportedValue,
  variable: string,
  inspected: InspectedFunction,
): boolean {
  const scope = scopeOf(variable, inspected);
  return (
    scope !== undefined &&
    Object.is(read(scope.variables, variable), value) &&
    variablesBehind(name, namespace).includes(variable)
  );
}

/** Whether it is the value of an export that functions of a CommonJS module assign to. */
export function isChangedExport({ name, value, namespace }: ImportedValue, script: Script): boolean {
  const changes = codeOf(script)?.changes;
  const exported = exportsOfCommonJs(script).find(([own]) => own === name);
  if (changes === undefined || exported === undefined || !Object.is(exported[1], value)) return false;
  const isAssigned = (variable: string) => changes.assigned.has(variable);
  return changes.exported.has(name) || variablesBehind(name, namespace).some(isAssigned);
}

/** Copies of copies of a module. */
const DEEPEST_COPY = 5;

/** The variables that a member may be: one of its name, and those that its accessor reads, perhaps by way of another object. */
function variablesBehind(name: string, namespace: unknown, depth = 0): readonly string[] {
  if (typeof namespace !== 'object' || namespace === null || types.isProxy(namespace) || depth > DEEPEST_COPY)
    return [name];
  const get = Object.getOwnPropertyDescriptor(namespace, name)?.get as Callable | undefined;
  const inspected = get && inspectFunction(get);
  const analysis = inspected && analysisOf(get, inspected);
  const variables = (analysis?.freeVariables ?? []).map(variable => variable.name);
  const holders = variables.map(
    variable => inspected && read(scopeOf(variable, inspected)?.variables ?? {}, variable),
  );
  return [name, ...variables, ...holders.flatMap(holder => variablesBehind(name, holder, depth + 1))];
}
