/** Options whose names are checked: a misspelt one would do nothing, silently. Pure. */
import { didYouMean } from './nearest.ts';
import { shown } from './printable.ts';

/**
 * Returns when every option has a name that is known.
 * @throws TypeError naming an option that has not, and the one that was perhaps meant
 */
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
