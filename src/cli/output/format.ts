/** Lines of reports for people. Pure. */
import type { Owner } from '../../log/records.ts';
import type { ListedFile, ListedFunction } from '../../operate/listed-file.ts';
import { printableLines, quoted } from '../../printable.ts';
import { type FileReport, type FunctionReport, outcomeWord, type SweepReport } from '../../report/report.ts';

export function formatFiles({ files }: SweepReport): string {
  return printableLines(files.flatMap(file => restLines(file, undefined, false)));
}

/** What of a file has not been told. @param isCurrent - its line is the last that was printed */
export function restLines(
  file: FileReport,
  told: ReadonlyMap<number, FunctionReport> | undefined,
  isCurrent: boolean,
): string[] {
  if (file.outcome === 'live') return [];
  const untold = file.functions.filter(ran => {
    const known = told?.get(ran.id);
    return known?.attempt !== ran.attempt || known.deadLetter !== ran.deadLetter;
  });
  const functions = untold.map(ran => functionLine(ran, told?.get(ran.id)));
  const isKnown = told !== undefined && file.error === undefined;
  if (isKnown && functions.length === 0) return [];
  return [...(isKnown && isCurrent ? [] : [fileLine(file, outcomeWord(file))]), ...functions];
}

export function summaryLine(report: SweepReport): string {
  const { directory, ok, failed, pending, live } = report;
  const incomplete = report.isComplete ? '' : ', stopped before the end';
  return `${directory}: ${ok} done, ${failed} failed, ${pending} left for later, ${live} live owner${live === 1 ? '' : 's'}${incomplete}`;
}

/** True if no process has the file. A sweep runs the whole records of a damaged one, too. */
export function isOrphan({ state, knownBy }: Pick<ListedFile, 'state' | 'knownBy'>): boolean {
  return state === 'orphan' || (state === 'damaged' && knownBy === 'lease');
}

/** Of whom something is, behind its name. */
export function fromOwner({ owner }: { readonly owner?: Pick<Owner, 'pid' | 'host'> }): string {
  return owner ? ` of pid ${owner.pid} on ${owner.host}` : '';
}

export function shownName({ name }: { readonly name: string }): string {
  return name || '(inline)';
}

/** The command that prints the ids there are. @param dir - BASE, where it was named: the advice must name it, too */
export function listCommand(dir: string | undefined, options = ''): string {
  return `deferred-sweep list${options}${dir === undefined ? '' : ` ${quoted(dir)}`}`;
}

export function callText(called: ListedFunction): string {
  return `${shownName(called)} ${called.argumentText}`.trimEnd();
}

/** In one unit, rounded down: up to 119 seconds, 119 minutes, 47 hours, then days. */
export function formatAge(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 120) return `${seconds}s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 120) return `${minutes}m`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours}h` : `${Math.floor(hours / 24)}d`;
}

/** Of a function that waits for its next attempt. */
export function dueText(retryInMs: number): string {
  return `due in ${formatAge(retryInMs)}`;
}

export function fileLine(file: FileReport, state: string): string {
  // An owner that ended without close(), in good order: what it leaves looks like no crash.
  const isIdle = file.outcome === 'ran' && file.isRetired && file.functions.length === 0;
  const notes = [
    isIdle ? 'removed, nothing was left to do' : state,
    ...(file.outcome === 'waiting' && file.retryInMs !== undefined ? [dueText(file.retryInMs)] : []),
    ...(file.tornBytes ? [`${file.tornBytes} bytes torn`] : []),
    ...(file.damagedBytes ? [`${file.damagedBytes} bytes damaged`] : []),
    ...(file.deadLetter === undefined ? [] : [`copy in ${file.deadLetter}`]),
    ...(file.error ? [file.error.message] : []),
  ];
  return `${file.path}${fromOwner(file)}: ${notes.join(', ')}`;
}

/** @param told - what was told of it before, perhaps of the same attempt @param isLast - it is not tried again */
export function functionLine(
  ran: FunctionReport,
  told?: FunctionReport,
  isLast: boolean = ran.deadLetter !== undefined,
): string {
  const { outcome, attempt, ms, notes = [], error, deadLetter } = ran;
  const name = shownName(ran);
  if (told?.attempt === attempt && deadLetter !== undefined)
    return `  ${name}: given up; dead letter ${deadLetter}`;
  const isAgain = outcome !== 'ok' && !isLast;
  const fate = deadLetter === undefined ? '' : `; dead letter ${deadLetter}`;
  const why = error ? `: ${error.message}` : '';
  return `  ${name}: ${outcome} (${[`attempt ${attempt}`, `${ms} ms`, ...notes].join(', ')})${why}${isAgain ? '; to be tried again' : fate}`;
}
