import { DeferredSweepError, hasCode } from '../../errors.ts';
import { snapshot } from '../../value/encode.ts';
import type { Callable } from '../descriptor.ts';
import type { InspectedFunction } from '../inspector/inspector.ts';
import { read, scopeOf } from '../inspector/read-variable.ts';
import { type Mention, refusal, subject } from '../refusal.ts';
import { type ImportedValue, isImportOf } from './imported-values.ts';

/** What the variables of one function hold. */
export interface CapturedRow {
  readonly fn: Callable;
  readonly chain: readonly Mention[];
  readonly inspected: InspectedFunction;
  readonly names: readonly string[];
  readonly values: readonly unknown[];
  /** Its variables that hold a function or a module: name → index of the reference. */
  readonly links: Readonly<Record<string, number>>;
  /** Variables it gives new values. */
  readonly assigned: readonly string[];
  /** What it has by value of modules imported by a transpiler's way. */
  readonly imports: readonly ImportedValue[];
}

/**
 * Each stored function has variables of its own. One that only it uses may change all the same; a variable that one
 * changes and another uses would stay as it was for the other, silently.
 * @throws `DEFERRED_FUNCTION_REFUSED` naming such a variable and both functions
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
  const isUsed = name in other.links || other.names.includes(name);
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

/** Throws the refusal of a value again, with a path that begins at the variable's name. */
export function throwNamed(rows: readonly CapturedRow[]): void {
  for (const { chain, names, values } of rows) {
    for (const [index, name] of names.entries()) {
      try {
        snapshot(values[index], name, () => 0);
      } catch (error) {
        if (!hasCode(error, 'DEFERRED_VALUE_REFUSED')) throw error;
        const { code, message, valuePath } = error;
        const text = `${subject(chain)} captures ${name}: ${message}`;
        throw new DeferredSweepError(code, text, { valuePath, cause: error });
      }
    }
  }
}

/** The variable that takes most bytes, and the functions on the way to it. */
export function largestVariable(
  rows: readonly CapturedRow[],
): { readonly chain: readonly Mention[]; readonly name: string; readonly bytes: number } | undefined {
  const sizes = rows.flatMap(({ chain, names, values }) =>
    names.map((name, index) => ({ chain, name, bytes: encodedLength(values[index]) })),
  );
  return sizes.sort((one, other) => other.bytes - one.bytes)[0];
}

function encodedLength(value: unknown): number {
  try {
    return snapshot(value, 'captured', () => 0).length;
  } catch (error) {
    if (hasCode(error, 'DEFERRED_TOO_LARGE')) return Number.POSITIVE_INFINITY;
    throw error;
  }
}
