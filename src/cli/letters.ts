/** What `retry` and `discard` do alike, of files and of a cluster: which letters are meant, asking first, what became of them. */
import { createInterface } from 'node:readline/promises';
import { errorCode } from '../errors.ts';
import type { LetterChoice, LetterReport } from '../operate/retry.ts';
import { printable, printableLines } from '../printable.ts';
import type { Arguments } from './arguments.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from './exit.ts';
import { shownName } from './output/format.ts';
import { jsonLine, print, say } from './output/output.ts';

/** Dead letters are named by ids, or chosen by `--all` and what narrows it. @throws UsageError */
export function letterChoice(verb: string, line: Arguments): LetterChoice {
  const { operands } = line;
  if (operands.includes('')) throw new UsageError('ID must not be empty');
  if (line.has('all') === operands.length > 0)
    throw new UsageError(`${verb} takes IDs as list prints them, or --all`);
  for (const option of ['name', 'older', 'label'] as const)
    if (line.has(option) && !line.has('all')) throw new UsageError(`--${option} goes with --all`);
  return {
    ids: line.has('all') ? undefined : operands,
    name: line.text('name'),
    label: line.text('label'),
    olderMs: line.age('older'),
  };
}

/** Asks before letters are removed for ever, unless the line has `--yes`. @throws UsageError where no terminal is to ask on */
export function consentTo(
  verb: 'retry' | 'discard',
  line: Arguments,
): (lines: readonly string[]) => Promise<boolean> {
  if (verb === 'retry' || line.has('yes')) return async () => true;
  if (!process.stdin.isTTY || !process.stderr.isTTY)
    throw new UsageError('discard removes for ever: without a terminal to ask on it needs --yes');
  return isAgreed;
}

/** Says what came of a no. Returns the exit status. */
export function nothingRemoved(): number {
  say('nothing was removed');
  return EXIT_FAILED;
}

/** Shows what would be removed, one line each; true for a yes, false for anything else and for an end. */
async function isAgreed(lines: readonly string[]): Promise<boolean> {
  for (const line of lines) process.stderr.write(`${printable(`  ${line}`)}\n`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`remove ${lines.length} for ever? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } catch (error) {
    // Ctrl-C or Ctrl-D in place of an answer.
    if (errorCode(error) !== 'ABORT_ERR') throw error;
    process.stderr.write('\n');
    return false;
  } finally {
    asking.close();
  }
}

type ToldLetter = Omit<LetterReport, 'path'>;

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
  // An error of one that is done: something may undo it.
  const areDurable = letters.every(letter => isDone(letter) && letter.error === undefined);
  return isComplete && areDurable ? EXIT_DONE : EXIT_FAILED;
}

function isDone({ outcome }: ToldLetter): boolean {
  return outcome === 'retried' || outcome === 'discarded';
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
