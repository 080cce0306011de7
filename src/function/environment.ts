/** Environment variables of the owner that a function is to find in a runner, which has the sweeper's. */
import { shown } from '../printable.ts';
import { requireStorable } from './storable.ts';

/** What they hold now; `null` for one that is not set. @throws TypeError; `DEFERRED_VALUE_REFUSED` for what no record holds */
export function captureEnvironment(names: readonly string[]): Record<string, string | null> {
  const captured = Object.fromEntries(checkedNames(names).map(name => [name, variable(name) ?? null]));
  requireStorable(captured, 'env');
  return captured;
}

/** The value of a variable; not what `process.env` inherits of an object, such as its `constructor`. */
export function variable(name: string): string | undefined {
  return Object.hasOwn(process.env, name) ? process.env[name] : undefined;
}

/** Whether an environment can have this name, and a record, too. */
export function isVariableName(name: string): boolean {
  return /^(?!__proto__$)[^=\0]+$/.test(name);
}

/** @throws TypeError */
export function checkedNames(names: readonly string[]): readonly string[] {
  if (!Array.isArray(names))
    throw new TypeError(`option "env" must be an array of names of variables, got ${shown(names)}`);
  for (const name of names) {
    if (typeof name !== 'string' || !isVariableName(name))
      throw new TypeError(`option "env" must hold names of variables, got ${shown(name)}`);
  }
  return [...names];
}
