/** The verbs `retry` and `discard`. */
import {
  discard,
  discardIfAgreed,
  type LetterReport,
  type LetterSelection,
  type LettersReport,
  retry,
} from '../../operate/retry.ts';
import { defaultBase } from '../../state/default-base.ts';
import type { Arguments } from '../arguments.ts';
import { letterChoice } from '../letter-choice.ts';
import { assertCanAsk, isAgreed, nothingRemoved } from '../output/ask.ts';
import { listCommand } from '../output/format.ts';
import { tellLetters } from '../output/letters.ts';
import { failed } from '../output/output.ts';

export async function runRetry(line: Arguments): Promise<number> {
  return runOn(line, selectionOf('retry', line), retry);
}

export async function runDiscard(line: Arguments): Promise<number> {
  const selection = selectionOf('discard', line);
  if (line.has('yes')) return runOn(line, selection, discard);
  assertCanAsk();
  return runOn(line, selection, async (meant, base) => {
    let isDeclined = false;
    const report = await discardIfAgreed(meant, base, async letters => {
      const lines = letters.map(({ id, functions, path }) => `${id}  ${functions[0]?.name ?? path}`);
      isDeclined = !(await isAgreed(lines));
      return !isDeclined;
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
    return tellLetters(report, line.has('json'), report.directory, whyNot(line.text('dir')));
  } catch (error) {
    return failed(error, `cannot read ${base}`, line.has('json') ? { base } : undefined);
  }
}

/** @throws UsageError */
function selectionOf(verb: string, line: Arguments): LetterSelection {
  return { ...letterChoice(verb, line), all: line.has('all'), ...line.trust };
}

type Unmet = Exclude<LetterReport['outcome'], 'retried' | 'discarded'>;

/** @param dir - as in {@link listCommand} */
const whyNot = (dir: string | undefined): Readonly<Record<Unmet, string>> => ({
  busy: 'another process has it, or its sweep did not end; sweep, then try again',
  gone: 'another process was faster',
  missing: `no dead letter has this id; see ${listCommand(dir, ' --state dead')}`,
  ambiguous: 'several files have an id that begins so; write more of it',
  refused: 'refused',
});
