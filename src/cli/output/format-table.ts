/** The table of `list`: of state files, and of owners in a cluster. Pure. */
import { shortIds } from '../../operate/ids.ts';
import type { ListedFunction } from '../../operate/listed-file.ts';
import { printable } from '../../printable.ts';
import { formatAge, shownName } from './format.ts';

/** One line of the table. What is undefined is shown as `-`. */
export interface TableEntry {
  readonly state: string;
  /** As a whole; the table shows as much of it as tells it from the others. */
  readonly id: string;
  readonly user?: string | undefined;
  readonly owner?: string | undefined;
  readonly ageMs?: number;
  readonly functions: readonly ListedFunction[];
  readonly label?: string | undefined;
  /** What is wrong with it, or why it is not free. Else the table shows the last error of its next function. */
  readonly note?: string | undefined;
}

const WIDE = 120;
/** Characters of an argument. On a terminal the note needs the place. */
const ARGUMENT_IN_A_PIPE = 40;
const ARGUMENT_ON_A_TERMINAL = 24;
const NAMES = ['STATE', 'ID', 'USER', 'OWNER', 'AGE', 'TODO', 'TRIES', 'NEXT', 'LABEL', 'NOTE'];
const RIGHT: ReadonlySet<string> = new Set(['OWNER', 'AGE', 'TODO', 'TRIES']);

/**
 * @param nouns - what one entry is called, and several
 * @param width - of the terminal; undefined for a pipe, which gets all columns, tabs between them, no heading and no end
 */
export function formatTable(
  entries: readonly TableEntry[],
  nouns: readonly [string, string],
  width: number | undefined,
): string {
  const ids = shortIds(entries.map(entry => entry.id));
  const mostArgument = width === undefined ? ARGUMENT_IN_A_PIPE : width >= WIDE ? ARGUMENT_ON_A_TERMINAL : 0;
  const rows = entries.map(entry => rowOf(entry, ids.get(entry.id)!, mostArgument));
  if (width === undefined) return rows.map(row => `${row.map(printable).join('\t')}\n`).join('');
  if (entries.length === 0) return 'nothing here\n';
  const count = mostArgument > 0 ? NAMES.length : NAMES.length - 1;
  const table = [NAMES, ...rows].map(row => row.slice(0, count).map(printable));
  // One by one: a call takes only so many arguments.
  const widths = NAMES.map((_, at) => table.reduce((most, row) => Math.max(most, row[at]?.length ?? 0), 0));
  const lines = table.map(row =>
    row
      .map((cell, at) => (RIGHT.has(NAMES[at]!) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
  return `${[...lines, footer(entries, nouns)].map(line => fitted(line, width)).join('\n')}\n`;
}

function rowOf(entry: TableEntry, id: string, mostArgument: number): string[] {
  const todo = entry.functions.filter(({ state }) =>
    entry.state === 'dead'
      ? state !== 'cancelled' && state !== 'done'
      : state === 'pending' || state === 'running',
  );
  const next = todo[0];
  const last = next?.attempts.at(-1);
  return [
    entry.state,
    id,
    entry.user ?? '-',
    entry.owner ?? '-',
    entry.ageMs === undefined ? '-' : formatAge(entry.ageMs),
    String(todo.length),
    next && last ? `${last.attempt}/${next.maxAttempts}` : '-',
    next ? nextText(next, mostArgument) : '-',
    entry.label ?? '-',
    entry.note ?? next?.attempts.findLast(attempt => attempt.error)?.error?.message ?? '-',
  ];
}

function nextText(next: ListedFunction, mostArgument: number): string {
  const { argumentText } = next;
  const shown = shownName(next);
  if (mostArgument === 0 || argumentText === '') return shown;
  return `${shown} ${argumentText.length > mostArgument ? `${argumentText.slice(0, mostArgument - 1)}…` : argumentText}`;
}

function footer(entries: readonly TableEntry[], [one, several]: readonly [string, string]): string {
  const count = new Map<string, number>();
  for (const { state } of entries) count.set(state, (count.get(state) ?? 0) + 1);
  const orphans = entries.filter(({ state }) => state === 'orphan');
  const oldest = orphans.reduce((most, { ageMs = 0 }) => Math.max(most, ageMs), 0);
  const parts = [...count].map(
    ([state, number]) => `${number} ${state}${state === 'orphan' ? ` (oldest ${formatAge(oldest)})` : ''}`,
  );
  return `${entries.length} ${entries.length === 1 ? one : several}: ${parts.join(', ')}`;
}

function fitted(line: string, width: number): string {
  return width > 0 && line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line;
}
