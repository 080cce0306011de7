/** `sweep --dry-run`: what a sweep would run now. Takes no lock and changes nothing. */
import { list } from '../../operate/list.ts';
import type { ListedFile, ListedFunction } from '../../operate/listed-file.ts';
import { printableLines } from '../../printable.ts';
import type { SweepOptions } from '../../sweep/options.ts';
import type { Arguments } from '../arguments.ts';
import { EXIT_DONE } from '../exit.ts';
import { callText, dueText, fromOwner, isOrphan } from '../output/format.ts';
import { forEachBase, jsonLine, print } from '../output/output.ts';

export async function runDryRun(
  line: Arguments,
  bases: readonly string[],
  { onlyLabel, trustedPaths, trustedGroups }: SweepOptions,
): Promise<number> {
  return forEachBase(bases, 'read', line.has('json'), async base => {
    const report = await list(base, { label: onlyLabel, trustedPaths, trustedGroups });
    const files = report.files.filter(file => isOrphan(file) || mayBeOrphan(file));
    if (line.has('json')) print(jsonLine({ ...report, files: line.has('totals') ? files.length : files }));
    else print(formatFiles(report.directory, files));
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

function formatFiles(directory: string, files: readonly ListedFile[]): string {
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

/** Which attempt is next, and when. */
function turnOf(pending: ListedFunction): string {
  const { attempts, maxAttempts, retryInMs } = pending;
  if (hasUsedUp(pending)) return `${attempts.length} of ${maxAttempts} attempts used up`;
  return `attempt ${attempts.length + 1} of ${maxAttempts}${retryInMs === undefined ? '' : `, ${dueText(retryInMs)}`}`;
}
