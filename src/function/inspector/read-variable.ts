import type { InspectedFunction, Scope } from './inspector.ts';

/** The value of a variable or export; undefined for one that cannot be read, as it is not initialized yet. */
export function read(variables: Readonly<Record<string, unknown>>, name: string): unknown {
  try {
    return variables[name];
  } catch {
    return undefined;
  }
}

/** The innermost scope with a variable of this name. */
export function scopeOf(name: string, { scopes }: InspectedFunction): Scope | undefined {
  return scopes.find(({ kind, variables }) => kind !== 'Global' && Object.hasOwn(variables, name));
}
