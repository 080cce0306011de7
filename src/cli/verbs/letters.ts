import { discardLetter, retryLetter } from '../../operate/letters.ts';
import { type LetterReport, type LetterSelection, onLetters } from '../../operate/retry.ts';
import { defaultBase } from '../../state/default-base.ts';
import type { Arguments } from '../arguments.ts';
import { baseOfFile } from '../bases.ts';
import { consentTo, letterChoice, nothingRemoved, tellLetters, type WhyNot } from '../letters.ts';
import { listCommand } from '../output/format.ts';
import { forEachBase } from '../output/output.ts';

export async function runRetry(line: Arguments): Promise<number> {
  return runOn(line, 'retry');
}

export async function runDiscard(line: Arguments): Promise<number> {
  return runOn(line, 'discard');
}

async function runOn(line: Arguments, verb: 'retry' | 'discard'): Promise<number> {
  const selection = { ...letterChoice(verb, line), all: line.has('all'), ...line.trust };
  const isAgreed = consentTo(verb, line);
  const places = selectionsByPlace(line.text('dir') ?? defaultBase(), selection);
  const act = verb === 'retry' ? retryLetter : discardLetter;
  return forEachBase([...places.keys()], 'read', line.has('json'), async base => {
    let isDeclined = false;
    const report = await onLetters(places.get(base)!, base, act, async letters => {
      const lines = letters.map(({ id, functions, path }) => `${id}  ${functions[0]?.name ?? path}`);
      isDeclined = !(await isAgreed(lines));
      return !isDeclined;
    });
    if (isDeclined) return nothingRemoved();
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

/** @param dir - as in {@link listCommand} */
const whyNot = (dir: string | undefined): WhyNot<LetterReport> => ({
  busy: 'another process has it, or its sweep did not end; sweep, then try again',
  gone: 'another process was faster',
  missing: `no dead letter has this id or path; see ${listCommand(dir, ' --state dead')}`,
  ambiguous: 'several files have an id that begins so; write more of it, or the path of one',
  refused: 'refused',
});
