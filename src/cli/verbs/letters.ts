/** The verbs `retry` and `discard`. */
import { createInterface } from 'node:readline/promises';
import {
  discard,
  type LetterReport,
  type LetterSelection,
  type LettersReport,
  retry,
  select,
} from '../../operate/retry.ts';
import { printable, printableJson } from '../../printable.ts';
import { reportError } from '../../report/reported-error.ts';
import { defaultBase } from '../../state/default-base.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE, EXIT_FAILED, EXIT_NOT_SWEPT, UsageError } from '../exit.ts';
import { print, say } from '../output.ts';

export async function runRetry(line: Arguments): Promise<number> {
  return runOn(line, selectionOf('retry', line), retry);
}

export async function runDiscard(line: Arguments): Promise<number> {
  const selection = selectionOf('discard', line);
  const isAsked = process.stdin.isTTY && process.stderr.isTTY;
  if (!line.has('yes') && !isAsked)
    throw new UsageError(
      'discard removes dead letters for ever: without a terminal to ask on it needs --yes',
    );
  return runOn(line, selection, async (meant, base) => {
    if (!line.has('yes') && !(await isAgreed(meant, base))) return { directory: base, letters: [], ms: 0 };
    return discard(meant, base);
  });
}

async function runOn(
  line: Arguments,
  selection: LetterSelection,
  act: (selection: LetterSelection, base: string) => Promise<LettersReport>,
): Promise<number> {
  const base = line.text('dir') ?? defaultBase();
  try {
    const report = await act(selection, base);
    if (line.has('json')) print(`${printableJson(report)}\n`);
    else for (const letter of report.letters) tell(letter);
    if (!line.has('json') && report.letters.length === 0)
      say(`no dead letter in ${report.directory} is meant`);
    const isDone = ({ outcome }: LetterReport): boolean => outcome === 'retried' || outcome === 'discarded';
    return report.letters.every(isDone) ? EXIT_DONE : EXIT_FAILED;
  } catch (error) {
    say(`cannot read ${base}: ${reportError(error).message}`);
    return EXIT_NOT_SWEPT;
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

async function isAgreed(selection: LetterSelection, base: string): Promise<boolean> {
  const { letters } = await select(selection, base);
  if (letters.length === 0) return true;
  for (const { id, functions, path } of letters)
    process.stderr.write(`${printable(`  ${id}  ${functions[0]?.name ?? path}`)}\n`);
  const asking = createInterface({ input: process.stdin, output: process.stderr });
  try {
    const answer = await asking.question(`remove ${letters.length} for ever? [y/N] `);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    asking.close();
  }
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
