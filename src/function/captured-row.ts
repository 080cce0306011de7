import { sharedVariable } from './capture-refusals.ts';
import type { Mention } from './refusal.ts';

/** What the variables and own properties of one function hold. */
export interface CapturedRow {
  readonly chain: readonly Mention[];
  readonly names: readonly string[];
  readonly values: readonly unknown[];
  /** How many of the names are variables; the others are properties. */
  readonly variables: number;
  /** Its variables that hold a function or a module: name → index of the reference. */
  readonly links: Readonly<Record<string, number>>;
  /** Variables it gives new values. */
  readonly assigned: readonly string[];
}

/**
 * Each stored function has variables of its own. One that only it uses may change all the same; a variable that one
 * changes and another uses would stay as it was for the other, silently.
 * @throws `DEFERRED_FUNCTION_REFUSED` naming such a variable and both functions
 */
export function refuseSharedVariables(rows: readonly CapturedRow[]): void {
  for (const row of rows) {
    for (const name of row.assigned) {
      const user = rows.find(other => other !== row && holdSame(name, row, other));
      if (user) throw sharedVariable(row.chain, name, user.chain);
    }
  }
}

/** Whether both have a variable of this name with the same in it: as far as can be told, the same variable. */
function holdSame(name: string, one: CapturedRow, other: CapturedRow): boolean {
  if (name in one.links) return one.links[name] === other.links[name];
  const at = one.names.indexOf(name);
  const otherAt = other.names.indexOf(name);
  if (at === -1 || otherAt === -1 || otherAt >= other.variables) return false;
  return Object.is(one.values[at], other.values[otherAt]);
}
