/** The table of `list`. Pure, but for the names of users. */
import { shortIds } from '../operate/ids.ts';
import type { ListedFile, ListedFunction, ListReport } from '../operate/listed-file.ts';
import { printable } from '../printable.ts';
import { userName } from './user-names.ts';

const WIDE = 120;
/** Characters of an argument. On a terminal the note needs the place. */
const ARGUMENT_IN_A_PIPE = 40;
const ARGUMENT_ON_A_TERMINAL = 24;
const RIGHT: ReadonlySet<string> = new Set(['OWNER', 'AGE', 'TODO', 'TRIES']);

/**
 * @param width - of the terminal; undefined for a pipe, which gets all columns, tabs between them, no heading and no end
 */
export function formatList({ files }: ListReport, width: number | undefined): string {
  const ids = shortIds(files.map(file => file.id));
  const mostArgument = width === undefined ? ARGUMENT_IN_A_PIPE : width >= WIDE ? ARGUMENT_ON_A_TERMINAL : 0;
  const rows = files.map(file => rowOf(file, ids.get(file.id)!, mostArgument));
  if (width === undefined) return rows.map(row => `${row.map(printable).join('\t')}\n`).join('');
  if (files.length === 0) return 'nothing here\n';
  const names = ['STATE', 'ID', 'USER', 'OWNER', 'AGE', 'TODO', 'TRIES', 'NEXT', 'LABEL', 'NOTE'];
  const count = mostArgument > 0 ? names.length : names.length - 1;
  const table = [names, ...rows].map(row => row.slice(0, count).map(printable));
  const widths = names.map((_, at) => Math.max(...table.map(row => row[at]?.length ?? 0)));
  const lines = table.map(row =>
    row
      .map((cell, at) => (RIGHT.has(names[at]!) ? cell.padStart(widths[at]!) : cell.padEnd(widths[at]!)))
      .join('  ')
      .trimEnd(),
  );
  return `${[...lines, footer(files)].map(line => fitted(line, width)).join('\n')}\n`;
}

/** What the columns say; `-` where there is nothing to say. */
function rowOf(file: ListedFile, id: string, mostArgument: number): string[] {
  const todo = file.functions.filter(({ state }) =>
    file.state === 'dead'
      ? state !== 'cancelled' && state !== 'done'
      : state === 'pending' || state === 'running',
  );
  const next = todo[0];
  return [
    file.state,
    id,
    file.uid === undefined ? '-' : userName(file.uid),
    file.owner ? String(file.owner.pid) : '-',
    file.ageMs === undefined ? '-' : formatAge(file.ageMs),
    String(todo.length),
    next && next.attempts.length > 0 ? `${next.attempts.length}/${next.maxAttempts}` : '-',
    next ? nextText(next, mostArgument) : '-',
    file.label ?? '-',
    noteOf(file, next),
  ];
}

function nextText({ name, argumentText }: ListedFunction, mostArgument: number): string {
  const shown = name === '' ? '(inline)' : name;
  if (mostArgument === 0 || argumentText === '') return shown;
  return `${shown} ${argumentText.length > mostArgument ? `${argumentText.slice(0, mostArgument - 1)}…` : argumentText}`;
}

function noteOf({ holders, error, damagedBytes }: ListedFile, next: ListedFunction | undefined): string {
  if (error) return error.message;
  if (damagedBytes !== undefined) return `${damagedBytes} bytes are damaged`;
  if (holders.length > 0)
    return `${holders.map(({ pid, program }) => `${pid} ${program}`).join(', ')} keeps the lock`;
  return next?.attempts.findLast(attempt => attempt.error)?.error?.message ?? '-';
}

function footer(files: readonly ListedFile[]): string {
  const count = new Map<string, number>();
  for (const { state } of files) count.set(state, (count.get(state) ?? 0) + 1);
  const oldest = Math.max(...files.map(file => (file.state === 'orphan' ? (file.ageMs ?? 0) : 0)));
  const parts = [...count].map(
    ([state, number]) => `${number} ${state}${state === 'orphan' ? ` (oldest ${formatAge(oldest)})` : ''}`,
  );
  return `${files.length} ${files.length === 1 ? 'file' : 'files'}: ${parts.join(', ')}`;
}

/** One unit, rounded down; the next one from two of it on, but for minutes, which are shown up to 119. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

function fitted(line: string, width: number): string {
  return width > 0 && line.length > width ? `${line.slice(0, Math.max(0, width - 1))}…` : line;
}
