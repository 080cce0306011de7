/** What became of dead letters, of files and of a cluster: said once for both. */
import type { LetterReport } from '../../operate/retry.ts';
import { printableLines } from '../../printable.ts';
import { EXIT_DONE, EXIT_FAILED } from '../exit.ts';
import { shownName } from './format.ts';
import { jsonLine, print, say } from './output.ts';

type ToldLetter = Omit<LetterReport, 'path'>;

/** Why what was asked for was not done. */
export type WhyNot<Letter extends ToldLetter> = Readonly<
  Record<Exclude<Letter['outcome'], 'retried' | 'discarded'>, string>
>;

/** Prints a report. Returns the exit status. @param place - said where no letter is meant */
export function tellLetters<Letter extends ToldLetter>(
  report: { readonly letters: readonly Letter[]; readonly isComplete?: boolean },
  isJson: boolean,
  place: string,
  whyNot: WhyNot<Letter>,
): number {
  const { letters, isComplete = true } = report;
  if (isJson) print(jsonLine(report));
  else if (letters.length === 0 && isComplete) say(`there is no such dead letter in ${place}`);
  else for (const letter of letters) tell(letter, whyNot);
  return isComplete && letters.every(isDurable) ? EXIT_DONE : EXIT_FAILED;
}

function isDone({ outcome }: ToldLetter): boolean {
  return outcome === 'retried' || outcome === 'discarded';
}

/** True for one that is done, and that nothing undoes. */
function isDurable(letter: ToldLetter): boolean {
  return isDone(letter) && letter.error === undefined;
}

function tell(letter: ToldLetter, whyNot: Readonly<Record<string, string>>): void {
  const { id, name, outcome, newPath, error } = letter;
  const what = name === undefined ? id : `${id} ${shownName({ name })}`;
  const from = newPath === undefined ? '' : `, from ${newPath}`;
  if (!isDone(letter)) say(`${what}: ${error?.message ?? whyNot[outcome]}`);
  else if (outcome === 'discarded') print(printableLines([`${what}: discarded`]));
  else print(printableLines([`${what}: will be run by the next sweep${from}`]));
  if (isDone(letter) && error) say(`${what}: ${error.message}; a power cut may undo it`);
}
