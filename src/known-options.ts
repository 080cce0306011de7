/** Options are checked, their names too: a misspelt one would do nothing, silently. Pure. */
import { didYouMean } from './nearest.ts';
import { shown } from './printable.ts';

/** @throws TypeError naming an option that is unknown, and the one that was perhaps meant */
export function requireKnown(options: object, known: readonly string[], parameter = 'options'): void {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new TypeError(`"${parameter}" must be an object, got ${shown(options)}`);
  for (const name of Object.keys(options)) {
    if (known.includes(name)) continue;
    if (name === 'isolation') {
      throw new TypeError(
        'option "isolation" is gone: orphans always run in a process of their own; leave the option out',
      );
    }
    throw new TypeError(`option "${name}" is unknown${didYouMean(name, known, meant => `"${meant}"`)}`);
  }
}

/** Checks the value of an option, or gives what it is without one. @throws TypeError, RangeError naming the option */
export type Resolvers<Options, Resolved, Name extends keyof Options & keyof Resolved> = {
  readonly [Each in Name]: (value: Options[Each]) => Resolved[Each];
};

/** The options of a table, checked and complete. */
export function resolveEach<Options, Resolved, Name extends keyof Options & keyof Resolved>(
  resolvers: Resolvers<Options, Resolved, Name>,
  options: Options,
): Pick<Resolved, Name> {
  const names = Object.keys(resolvers) as Name[];
  const entries = names.map(name => [name, resolvers[name](options[name])]);
  return Object.fromEntries(entries) as Pick<Resolved, Name>;
}
