/** The verbs `retry` and `discard`. */
import {
  discard,
  discardIfAgreed,
  type LetterReport,
  type LetterSelection,
  type LettersReport,
  retry,
} from '../../operate/retry.ts';
import { printable, printableJson } from '../../printable.ts';
import { defaultBase } from '../../state/default-base.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import { canAsk, isAgreed, nothingRemoved } from '../output/ask.ts';
import { cannotRead, print, say } from '../output/output.ts';

export async function runRetry(line: Arguments): Promise<number> {
  return runOn(line, selectionOf('retry', line), retry);
}

export async function runDiscard(line: Arguments): Promise<number> {
  const selection = selectionOf('discard', line);
  if (!line.has('yes') && !canAsk())
    throw new UsageError(
      'discard removes dead letters for ever: without a terminal to ask on it needs --yes',
    );
  if (line.has('yes')) return runOn(line, selection, discard);
  return runOn(line, selection, async (meant, base) => {
    let isDeclined = false;
    const report = await discardIfAgreed(meant, base, async letters => {
      const isYes = await isAgreed(
        letters.map(({ id, functions, path }) => `${id}  ${functions[0]?.name ?? path}`),
      );
      isDeclined = !isYes;
      return isYes;
    });
    return isDeclined ? 'declined' : report;
  });
}

async function runOn(
  line: Arguments,
  selection: LetterSelection,
  act: (selection: LetterSelection, base: string) => Promise<LettersReport | 'declined'>,
): Promise<number> {
  const base = line.text('dir') ?? defaultBase();
  try {
    const report = await act(selection, base);
    if (report === 'declined') return nothingRemoved();
    if (line.has('json')) print(`${printableJson(report)}\n`);
    else for (const letter of report.letters) tell(letter);
    if (!line.has('json') && report.letters.length === 0)
      say(`no dead letter in ${report.directory} is meant`);
    const isDone = ({ outcome }: LetterReport): boolean => outcome === 'retried' || outcome === 'discarded';
    return report.letters.every(isDone) ? EXIT_DONE : EXIT_FAILED;
  } catch (error) {
    return cannotRead(base, error);
  }
}

/** @throws UsageError */
function selectionOf(verb: string, line: Arguments): LetterSelection {
  const { operands } = line;
  if (operands.includes('')) throw new UsageError('ID must not be empty');
  if (line.has('all') === operands.length > 0)
    throw new UsageError(`${verb} takes IDs as list prints them, or --all`);
  for (const name of ['name', 'older', 'label'] as const)
    if (line.has(name) && !line.has('all')) throw new UsageError(`--${name} goes with --all`);
  return {
    ...(line.has('all') ? { all: true } : { ids: operands }),
    name: line.text('name'),
    label: line.text('label'),
    olderMs: line.age('older'),
    ...line.trust,
  };
}

function tell(letter: LetterReport): void {
  const { id, name, outcome, newPath, error } = letter;
  const what = name === undefined ? id : `${id} ${name}`;
  if (outcome === 'retried')
    print(`${printable(`${what}: will be run by the next sweep, from ${newPath}`)}\n`);
  else if (outcome === 'discarded') print(`${printable(`${what}: discarded`)}\n`);
  else say(`${what}: ${error?.message ?? WHY_NOT[outcome]}`);
}

const WHY_NOT: Readonly<Record<Exclude<LetterReport['outcome'], 'retried' | 'discarded'>, string>> = {
  busy: 'another process has it, or its sweep did not end; sweep, then try again',
  gone: 'another process was faster',
  missing: 'no dead letter has this id; see deferred-sweep list --state dead',
  ambiguous: 'several files have an id that begins so; write more of it',
  refused: 'refused',
};
