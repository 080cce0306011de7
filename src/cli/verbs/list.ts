/** The verbs `list` and `show`, and `sweep --dry-run`: what lies in a directory, told without a lock and without a change. */
import { list } from '../../operate/list.ts';
import { FILE_STATES, type ListedFile, type ListedFunction } from '../../operate/listed-file.ts';
import { type ShownFile, show } from '../../operate/show.ts';
import { printableLines } from '../../printable.ts';
import { defaultBase } from '../../state/default-base.ts';
import type { SweepOptions } from '../../sweep/options.ts';
import { userName } from '../../trust/user-name.ts';
import type { Arguments } from '../arguments.ts';
import { baseOfFile, basesOf } from '../bases.ts';
import { EXIT_DONE, EXIT_FAILED, UsageError } from '../exit.ts';
import { callText, dueText, fromOwner, isOrphan, listCommand } from '../output/format.ts';
import { formatShown, holdersText } from '../output/format-show.ts';
import { formatTable } from '../output/format-table.ts';
import { forEachBase, jsonLine, print, say } from '../output/output.ts';

export async function runList(line: Arguments): Promise<number> {
  const options = {
    states: line.states(FILE_STATES),
    olderMs: line.age('older'),
    label: line.text('label'),
    ...line.trust,
  };
  return forEachBase(basesOf(line), 'read', line.has('json'), async base => {
    const report = await list(base, options);
    print(line.has('json') ? jsonLine(report) : formatList(report.files));
    return line.has('exit-code') && report.files.length > 0 ? EXIT_FAILED : EXIT_DONE;
  });
}

function formatList(files: readonly ListedFile[]): string {
  const entries = files.map(file => ({
    ...file,
    user: file.uid === undefined ? undefined : userName(file.uid),
    owner: file.owner && String(file.owner.pid),
    note: noteOf(file),
  }));
  return formatTable(entries, ['file', 'files'], process.stdout.isTTY ? process.stdout.columns : undefined);
}

function noteOf({ holders, error, damagedBytes }: ListedFile): string | undefined {
  if (error) return error.message;
  if (damagedBytes !== undefined) return `${damagedBytes} bytes are damaged`;
  return holders.length === 0 ? undefined : `${holdersText(holders)} keeps the lock`;
}

export async function runShow(line: Arguments): Promise<number> {
  const [id, ...more] = line.operands;
  if (id === undefined || id === '' || more.length > 0)
    throw new UsageError('show takes one ID of list, or the path of a file with a slash in it');
  const { trust } = line;
  const dir = line.text('dir');
  return forEachBase([dir ?? defaultBase()], 'read', line.has('json'), async base => {
    const files = await show(id, base, trust);
    for (const file of files)
      if (line.has('json')) print(jsonLine(file));
      else if (line.has('cbor-diag')) print(diagnosis(file));
      else print(formatShown(file, id.includes('/') ? baseOfFile(file.path) : (dir ?? '')));
    if (files.length > 0) return EXIT_DONE;
    const unknown = `no file in ${base}/deferred has the id ${id}; see ${listCommand(dir)}`;
    say(id.includes('/') ? `there is no file ${id}` : unknown);
    return EXIT_FAILED;
  });
}

/** The frames as they lie in the file, and comments where there is none: RFC 8949 section 8. */
function diagnosis({ path, records }: ShownFile): string {
  const lines = records.map(({ offset, end, kind, diagnostic }) =>
    diagnostic === undefined
      ? `/ bytes ${offset} to ${end} are ${kind} /`
      : `/ byte ${offset}, ${kind} / ${diagnostic}`,
  );
  return printableLines([`/ ${path} /`, ...lines]);
}

export async function runDryRun(
  line: Arguments,
  bases: readonly string[],
  { onlyLabel, trustedPaths, trustedGroups }: SweepOptions,
): Promise<number> {
  return forEachBase(bases, 'read', line.has('json'), async base => {
    const report = await list(base, { label: onlyLabel, trustedPaths, trustedGroups });
    const files = report.files.filter(file => isOrphan(file) || mayBeOrphan(file));
    if (line.has('json')) print(jsonLine({ ...report, files: line.has('totals') ? files.length : files }));
    else print(formatDryRun(report.directory, files));
    return EXIT_DONE;
  });
}

/** True if it cannot be told whether a process has the file. A damaged one with an error lies in the place of dead letters. */
function mayBeOrphan({ state, knownBy, error }: ListedFile): boolean {
  return state === 'unknown' || (state === 'damaged' && knownBy === 'nothing' && !error);
}

function fateOf(file: ListedFile): string {
  if (file.error) return `would not be run, ${file.error.message}`;
  if (!isOrphan(file)) return 'may have a live owner, would be run if not';
  const pending = pendingIn(file);
  if (pending.some(isDue)) return 'would be run';
  // What waits keeps the file; what has used up its attempts does not.
  if (pending.some(({ retryInMs }) => retryInMs !== undefined)) return 'waiting';
  if (file.damagedBytes) return `would be set aside, ${file.damagedBytes} bytes damaged`;
  return pending.length > 0 ? 'would be given up' : 'would be removed, nothing is left to do';
}

function formatDryRun(directory: string, files: readonly ListedFile[]): string {
  const lines = files.flatMap(file => [
    `${file.path}${fromOwner(file)}${file.label === undefined ? '' : `, ${file.label}`}: ${fateOf(file)}`,
    ...pendingIn(file).map(registered => `  ${callText(registered)} (${turnOf(registered)})`),
  ]);
  const orphans = files.filter(isOrphan);
  const count = orphans.flatMap(pendingIn).filter(isDue).length;
  lines.push(
    `${directory}: ${count} would be run, of ${orphans.length} orphan${orphans.length === 1 ? '' : 's'}; nothing was touched`,
  );
  return printableLines(lines);
}

function pendingIn({ functions }: ListedFile): ListedFunction[] {
  return functions.filter(({ state }) => state === 'pending');
}

function hasUsedUp({ attempts, maxAttempts }: ListedFunction): boolean {
  return attempts.length >= maxAttempts;
}

/** True if a sweep would run it now. */
function isDue(pending: ListedFunction): boolean {
  return pending.retryInMs === undefined && !hasUsedUp(pending);
}

function turnOf(pending: ListedFunction): string {
  const { attempts, maxAttempts, retryInMs } = pending;
  if (hasUsedUp(pending)) return `${attempts.length} of ${maxAttempts} attempts used up`;
  return `attempt ${attempts.length + 1} of ${maxAttempts}${retryInMs === undefined ? '' : `, ${dueText(retryInMs)}`}`;
}
