/** The verbs `retry` and `discard`. */
import { discardLetter } from '../../operate/letters.ts';
import {
  discard,
  type LetterReport,
  type LetterSelection,
  type LettersReport,
  onLetters,
  retry,
} from '../../operate/retry.ts';
import { defaultBase } from '../../state/default-base.ts';
import type { Arguments } from '../arguments.ts';
import { baseOfFile } from '../bases.ts';
import { EXIT_DONE } from '../exit.ts';
import { letterChoice } from '../letter-choice.ts';
import { assertCanAsk, isAgreed, nothingRemoved } from '../output/ask.ts';
import { listCommand } from '../output/format.ts';
import { tellLetters, type WhyNot } from '../output/letters.ts';
import { failed } from '../output/output.ts';

type Act = (selection: LetterSelection, base: string) => Promise<LettersReport | 'declined'>;

export async function runRetry(line: Arguments): Promise<number> {
  return runOn(line, selectionOf('retry', line), retry);
}

export async function runDiscard(line: Arguments): Promise<number> {
  const selection = selectionOf('discard', line);
  if (line.has('yes')) return runOn(line, selection, discard);
  assertCanAsk();
  return runOn(line, selection, async (meant, base) => {
    let isDeclined = false;
    const report = await onLetters(meant, base, discardLetter, async letters => {
      const lines = letters.map(({ id, functions, path }) => `${id}  ${functions[0]?.name ?? path}`);
      isDeclined = !(await isAgreed(lines));
      return !isDeclined;
    });
    return isDeclined ? 'declined' : report;
  });
}

async function runOn(line: Arguments, selection: LetterSelection, act: Act): Promise<number> {
  let status = EXIT_DONE;
  for (const [dir, meant] of selectionsByPlace(line.text('dir'), selection))
    status = Math.max(status, await runOnOne(line, dir, meant, act));
  return status;
}

/** @param dir - BASE, where it is named */
async function runOnOne(
  line: Arguments,
  dir: string | undefined,
  selection: LetterSelection,
  act: Act,
): Promise<number> {
  const base = dir ?? defaultBase();
  try {
    const report = await act(selection, base);
    if (report === 'declined') return nothingRemoved();
    return tellLetters(report, line.has('json'), report.directory, whyNot(dir));
  } catch (error) {
    return failed(error, `cannot read ${base}`, line.has('json') ? { base } : undefined);
  }
}

/** Ids mean letters of the BASE that was named, a path those of its own. */
function selectionsByPlace(
  named: string | undefined,
  selection: LetterSelection,
): ReadonlyMap<string | undefined, LetterSelection> {
  const { ids } = selection;
  if (ids === undefined) return new Map([[named, selection]]);
  const places = new Map<string | undefined, LetterSelection>();
  for (const id of ids) {
    const dir = (id.includes('/') ? baseOfFile(id) : undefined) ?? named;
    places.set(dir, { ...selection, ids: [...(places.get(dir)?.ids ?? []), id] });
  }
  return places;
}

/** @throws UsageError */
function selectionOf(verb: string, line: Arguments): LetterSelection {
  return { ...letterChoice(verb, line), all: line.has('all'), ...line.trust };
}

/** @param dir - as in {@link listCommand} */
const whyNot = (dir: string | undefined): WhyNot<LetterReport> => ({
  busy: 'another process has it, or its sweep did not end; sweep, then try again',
  gone: 'another process was faster',
  missing: `no dead letter has this id or path; see ${listCommand(dir, ' --state dead')}`,
  ambiguous: 'several files have an id that begins so; write more of it, or the path of one',
  refused: 'refused',
});
