/** The table of `list`, of state files. Pure, but for the names of users. */
import type { Holder, ListedFile, ListReport } from '../../operate/listed-file.ts';
import { userName } from '../../trust/user-name.ts';
import { formatTable } from './format-table.ts';

/** @param width - as in {@link formatTable} */
export function formatList({ files }: ListReport, width: number | undefined): string {
  const entries = files.map(file => ({
    state: file.state,
    id: file.id,
    user: file.uid === undefined ? undefined : userName(file.uid),
    owner: file.owner && String(file.owner.pid),
    ageMs: file.ageMs,
    functions: file.functions,
    label: file.label,
    note: noteOf(file),
  }));
  return formatTable(entries, ['file', 'files'], width);
}

function noteOf({ holders, error, damagedBytes }: ListedFile): string | undefined {
  if (error) return error.message;
  if (damagedBytes !== undefined) return `${damagedBytes} bytes are damaged`;
  if (holders.length === 0) return undefined;
  return `${holdersText(holders)} keeps the lock`;
}

export function holdersText(holders: readonly Holder[]): string {
  return holders.map(({ pid, program }) => `${pid} ${program}`).join(', ');
}
