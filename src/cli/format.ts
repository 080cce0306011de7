/** A report as text for people. Pure. */
import { printable } from '../printable.ts';
import type { FileReport, FunctionReport, SweepReport } from '../report/report.ts';

/** Several lines, each ended by a newline. Nothing that was quoted makes a line of its own. */
export function formatReport(report: SweepReport): string {
  const lines = report.files.filter(file => file.outcome !== 'live').flatMap(formatFile);
  const { directory, ok, failed, pending, live } = report;
  const incomplete = report.isComplete ? '' : ', stopped before the end';
  lines.push(
    `${directory}: ${ok} done, ${failed} failed, ${pending} left for later, ${count(live, 'live owner')}${incomplete}`,
  );
  return `${lines.map(printable).join('\n')}\n`;
}

function formatFile(file: FileReport): string[] {
  const from = file.owner ? ` of pid ${file.owner.pid} on ${file.owner.host}` : '';
  // An owner that ended without close(), in good order: what it leaves looks like no crash.
  const isIdle = file.outcome === 'ran' && file.isRetired && file.functions.length === 0;
  const notes = [
    isIdle ? 'removed, nothing was left to do' : file.outcome,
    ...(file.tornBytes ? [`${file.tornBytes} bytes torn`] : []),
    ...(file.damagedBytes ? [`${file.damagedBytes} bytes damaged, copy in ${file.deadLetter}`] : []),
    ...(file.error ? [file.error.message] : []),
  ];
  return [`${file.path}${from}: ${notes.join(', ')}`, ...file.functions.map(formatRan)];
}

/** A line for a function that has run. */
export function formatRan(ran: FunctionReport): string {
  const fate = ran.deadLetter
    ? `; dead letter ${ran.deadLetter}`
    : ran.outcome === 'ok'
      ? ''
      : '; to be tried again';
  const why = ran.error ? `: ${ran.error.message}` : '';
  return `  ${ran.name}: ${ran.outcome} (attempt ${ran.attempt}, ${ran.ms} ms)${why}${fate}`;
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}
