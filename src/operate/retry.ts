/** `retry` and `discard`: which dead letters are meant, and what became of each. */
import { performance } from 'node:perf_hooks';
import { requireKnown } from '../known-options.ts';
import type { ReportedError } from '../log/records.ts';
import { reportError } from '../report/reported-error.ts';
import { defaultBase } from '../state/default-base.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { resolveTrust } from '../trust/trust.ts';
import { meantBy } from './ids.ts';
import { discardLetter, type LetterFate, retryLetter } from './letters.ts';
import { listFiles, pathsOf, type ShowOptions } from './list.ts';
import type { ListedFile } from './listed-file.ts';

/** Which dead letters are meant: those with these ids, or all that the other fields allow. */
export interface LetterSelection extends ShowOptions {
  /** Ids or beginnings of ids; with a function's number (`0723eb.2`), or all dead letters of the state file. With a slash: paths. */
  readonly ids?: readonly string[] | undefined;
  /** In place of `ids`. */
  readonly all?: boolean | undefined;
  /** Only functions of this name. */
  readonly name?: string | undefined;
  /** Only jobs with this label. */
  readonly label?: string | undefined;
  /** Only letters of jobs that are older, in milliseconds. */
  readonly olderMs?: number | undefined;
}

/** The same wherever the letters lie. */
export type LetterChoice = Pick<LetterSelection, 'ids' | 'name' | 'label' | 'olderMs'>;

/**
 * What became of one dead letter, or of one id.
 * - `retried`: it is a state file again, `newPath`; the next sweep runs it
 * - `discarded`: it is gone
 * - `busy`: another process has it, or its sweep was killed: sweep, then try again
 * - `gone`: another process was faster
 * - `missing`: no dead letter has this id or path
 * - `ambiguous`: dead letters of several files have ids that begin so
 * - `refused`: see the error; it is where it was
 */
export interface LetterReport {
  readonly id: string;
  readonly outcome: LetterFate['outcome'] | 'missing' | 'ambiguous' | 'refused';
  readonly path?: string;
  /** Of the function; absent where it could not be read. */
  readonly name?: string;
  readonly newPath?: string;
  /** Why it was refused. Of one that is `retried` or `discarded`: why a power cut may undo that. */
  readonly error?: ReportedError;
}

export interface LettersReport {
  readonly directory: string;
  readonly letters: readonly LetterReport[];
  readonly ms: number;
}

/**
 * Gives dead letters fresh attempts: each becomes a state file again, with its history, and the next sweep runs it. Killed
 * at any moment, each function is in one place.
 * @throws as `list`; TypeError when neither ids nor `all` are given, or both
 */
export async function retry(
  selection: LetterSelection,
  stateDirBase: string = defaultBase(),
): Promise<LettersReport> {
  return onLetters(selection, stateDirBase, retryLetter);
}

/**
 * Removes dead letters, and copies of damaged files, for ever.
 * @throws as {@link retry}
 */
export async function discard(
  selection: LetterSelection,
  stateDirBase: string = defaultBase(),
): Promise<LettersReport> {
  return onLetters(selection, stateDirBase, discardLetter);
}

/** @param isAgreed - is shown the letters that are meant, unless there is none; one that comes while it thinks stays */
export async function onLetters(
  selection: LetterSelection,
  stateDirBase: string,
  act: (directory: StateDirectory, path: string) => LetterFate,
  isAgreed: (letters: readonly ListedFile[]) => Promise<boolean> = async () => true,
): Promise<LettersReport> {
  requireKnown(selection, SELECTION, 'selection');
  const { ids, all = false, name, label, olderMs } = selection;
  const startMs = performance.now();
  const trust = resolveTrust(selection.trustedPaths, selection.trustedGroups);
  const directory = new StateDirectory(stateDirBase, { trust });
  if (all === (ids !== undefined)) throw new TypeError('"selection" must have either "ids" or "all"');
  const dead = pathsOf(directory).filter(({ where }) => where === 'dead');
  for (const { error } of dead) if (error) throw error;
  const letters = (await listFiles(dead, trust, { label, olderMs })).filter(
    file => name === undefined || file.functions.some(registered => registered.name === name),
  );
  const { meant, unmet } = ids ? meantBy(ids, () => letters) : { meant: letters, unmet: [] };
  const isDeclined = meant.length > 0 && !(await isAgreed(meant));
  const reports = (isDeclined ? [] : meant).map(({ id, path, functions }): LetterReport => {
    const letter = { id, path, ...(functions[0] && { name: functions[0].name }) };
    try {
      return { ...letter, ...act(directory, path) };
    } catch (error) {
      return { ...letter, outcome: 'refused', error: reportError(error) };
    }
  });
  return { directory: directory.path, letters: [...reports, ...unmet], ms: performance.now() - startMs };
}

const SELECTION = ['ids', 'all', 'name', 'label', 'olderMs', 'trustedPaths', 'trustedGroups'];
