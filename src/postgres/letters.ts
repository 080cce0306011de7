/** Dead letters that a verb means, and what became of each. */
import { meantBy } from '../operate/ids.ts';
import { isOf } from '../operate/listed-file.ts';
import type { LetterChoice } from '../operate/retry.ts';
import type { ListedOwner } from './listed-owner.ts';
import type { ReportedError } from './report.ts';

/**
 * What became of one function, or of one id.
 * - `retried`: the next sweep runs it
 * - `discarded`: it is gone
 * - `busy`: its job lives, a sweeper has it, or its owner may still come back
 * - `gone`: another process was faster
 * - `missing`: no dead letter has this id
 * - `ambiguous`: functions of several owners have ids that begin so
 */
export interface ClusterLetterReport {
  readonly id: string;
  readonly outcome: 'retried' | 'discarded' | 'busy' | 'gone' | 'missing' | 'ambiguous';
  /** Of the function. */
  readonly name?: string;
}

export interface ClusterLettersReport {
  readonly pool: string;
  /** What was done is in it also where the verb could not go on. */
  readonly letters: readonly ClusterLetterReport[];
  /** False when it was stopped before the end, or could not go on: those that were meant and are not here are left. */
  readonly isComplete: boolean;
  readonly ms: number;
  /** Why it could not go on. It names the function. */
  readonly error?: ReportedError;
}

export interface MeantFunction {
  /** `OWNER.NUMBER`. */
  readonly id: string;
  readonly name: string;
}

/**
 * The functions that are meant, and ids that mean none.
 * @param withFunctions - whether an id with a number may also mean a function that is no dead letter
 */
export function selectLetters(
  owners: readonly ListedOwner[],
  selection: LetterChoice,
  withFunctions: boolean,
): { readonly meant: readonly MeantFunction[]; readonly unmet: readonly ClusterLetterReport[] } {
  const { ids, name } = selection;
  const allowed = owners.filter(owner => isOf(owner, selection));
  const letters = functionsOf(allowed.filter(owner => owner.state === 'dead')).filter(
    letter => name === undefined || letter.name === name,
  );
  if (ids === undefined) return { meant: letters, unmet: [] };
  const others = withFunctions ? functionsOf(allowed.filter(owner => owner.state !== 'dead')) : [];
  return meantBy(ids, id => (id.includes('.') ? [...letters, ...others] : letters));
}

function functionsOf(owners: readonly ListedOwner[]): MeantFunction[] {
  return owners.flatMap(({ id, functions }) =>
    functions.map(fn => ({ id: `${id.split('.')[0]}.${fn.id}`, name: fn.name })),
  );
}
