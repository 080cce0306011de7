import types from 'node:util/types';
import { DeferredSweepError, hasCode } from '../../errors.ts';
import { snapshot } from '../../value/encode.ts';
import type { Callable } from '../descriptor.ts';
import {
  type InspectedFunction,
  inspectFunction,
  read,
  type Script,
  scopeOf,
} from '../inspector/inspector.ts';
import { exportsOfCommonJs } from '../module/find-export.ts';
import { type Mention, refusal, subject } from '../refusal.ts';
import { codeOf } from '../source-code/script-code.ts';
import { usedVariables } from './store-source.ts';

export interface CapturedRow {
  readonly fn: Callable;
  readonly chain: readonly Mention[];
  readonly inspected: InspectedFunction;
  /** Variables that are stored by value. */
  readonly values: ReadonlyMap<string, unknown>;
  /** Variables that hold a function or a module: name → index of the reference. */
  readonly links: Readonly<Record<string, number>>;
  readonly assigned: readonly string[];
  /** What it has by value of modules imported by a transpiler's way. */
  readonly imports: readonly ImportedValue[];
}

/**
 * Each stored function has variables of its own. One that only it uses may change all the same; a variable that one
 * changes and another uses would stay as it was for the other, silently.
 */
export function refuseSharedVariables(rows: readonly CapturedRow[]): void {
  for (const row of rows) {
    for (const name of row.assigned) {
      const user = rows.find(other => other !== row && areSame(name, row, other));
      const isImported = (value: ImportedValue) => isImportOf(value, name, row.inspected);
      const importer = user ?? rows.find(other => other.imports.some(isImported));
      if (!importer) continue;
      throw refusal(
        row.chain,
        `assigns to the variable ${name}, which ${importer.chain.at(-1)?.name} uses too, and each stored function has its own`,
        `make it a property of an object that both capture: state.${name}`,
      );
    }
  }
}

/** Whether both use the same variable of this name: V8 shows copies of scopes, so that they are told by all they hold. */
function areSame(name: string, one: CapturedRow, other: CapturedRow): boolean {
  const isUsed = name in other.links || other.values.has(name);
  if (!isUsed || one.inspected.script.id !== other.inspected.script.id) return false;
  const [scope, otherScope] = [scopeOf(name, one.inspected), scopeOf(name, other.inspected)];
  if (scope === undefined || otherScope === undefined || scope.kind !== otherScope.kind) return false;
  const names = Object.keys(scope.variables);
  return (
    names.length === Object.keys(otherScope.variables).length &&
    names.every(
      key =>
        Object.hasOwn(otherScope.variables, key) &&
        Object.is(read(scope.variables, key), read(otherScope.variables, key)),
    )
  );
}

/** Names the largest. @throws `DEFERRED_VALUE_REFUSED` for one that cannot be stored, its path beginning at its name */
export function tooLargeVariable(rows: readonly CapturedRow[], maxBytes: number): DeferredSweepError {
  const sizes = rows.flatMap(({ chain, values }) =>
    Array.from(values, ([name, value]) => ({ chain, name, bytes: encodedLength(value, name, chain) })),
  );
  // There is one: what holds no values takes less than its texts, and those fit.
  const { chain, name, bytes } = sizes.sort((one, other) => other.bytes - one.bytes)[0]!;
  return tooLarge(chain, `the captured variable ${name}`, bytes, maxBytes);
}

function encodedLength(value: unknown, name: string, chain: readonly Mention[]): number {
  try {
    return snapshot(value, name, () => 0).length;
  } catch (error) {
    if (hasCode(error, 'DEFERRED_TOO_LARGE')) return Number.POSITIVE_INFINITY;
    if (!hasCode(error, 'DEFERRED_VALUE_REFUSED')) throw error;
    const { code, message, valuePath } = error;
    const text = `${subject(chain)} captures ${name}: ${message}`;
    throw new DeferredSweepError(code, text, { valuePath, cause: error });
  }
}

/** @param bytes - Infinity for what no record could hold */
export function tooLarge(
  chain: readonly Mention[],
  what: string,
  bytes: number,
  maxBytes: number,
): DeferredSweepError {
  const size = Number.isFinite(bytes) ? `${bytes} bytes` : 'more than a record can hold';
  return new DeferredSweepError(
    'DEFERRED_TOO_LARGE',
    `${subject(chain)} needs too much: ${what} takes ${size}, and all it captures may take ${maxBytes}; ` +
      'pass the path of a file with the data, or make it what the function needs and no more',
  );
}

/** A variable of another file, seen through a transpiler's object: `lib_1.count`. Functions of that file may assign to it. */
export interface ImportedValue {
  readonly name: string;
  readonly value: unknown;
  readonly namespace: object;
}

/** Whether it is the value of a variable, which a function of another file sees. */
function isImportOf(
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
  const variables = inspected ? [...usedVariables(get, inspected)] : [];
  const further = variables.flatMap(({ value }) => variablesBehind(name, value, depth + 1));
  return [name, ...variables.map(variable => variable.name), ...further];
}
