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
import { letterChoice } from '../letter-choice.ts';
import { assertCanAsk, isAgreed, nothingRemoved } from '../output/ask.ts';
import { listCommand } from '../output/format.ts';
import { tellLetters, type WhyNot } from '../output/letters.ts';
import { forEachBase } from '../output/output.ts';

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
  const places = selectionsByPlace(line.text('dir') ?? defaultBase(), selection);
  return forEachBase([...places.keys()], 'read', line.has('json'), async base => {
    const report = await act(places.get(base)!, base);
    if (report === 'declined') return nothingRemoved();
    const advised = base === defaultBase() ? undefined : base;
    return tellLetters(report, line.has('json'), report.directory, whyNot(advised));
  });
}

/** Ids mean letters of the BASE that was named, a path those of its own. */
function selectionsByPlace(named: string, selection: LetterSelection): ReadonlyMap<string, LetterSelection> {
  const { ids } = selection;
  if (ids === undefined) return new Map([[named, selection]]);
  const places = new Map<string, LetterSelection>();
  for (const id of ids) {
    const base = (id.includes('/') ? baseOfFile(id) : undefined) ?? named;
    places.set(base, { ...selection, ids: [...(places.get(base)?.ids ?? []), id] });
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
