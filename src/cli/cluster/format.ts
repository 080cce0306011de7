/** What the cluster store has, as text for people. Pure. What others wrote is escaped. */
import type { ListedClusterFunction, ListedOwner, OwnerState } from '../../postgres/listed-owner.ts';
import type { ClusterReport } from '../../postgres/report.ts';
import { printableLines, quoted } from '../../printable.ts';
import { formatAge, fromOwner, functionLine } from '../output/format.ts';
import { clock, deadLetterText, functionLines, row } from '../output/format-show.ts';
import { formatTable } from '../output/format-table.ts';

/** The table of `cluster list`. @param width - as in `formatTable` */
export function formatOwners(owners: readonly ListedOwner[], width: number | undefined): string {
  const entries = owners.map(({ state, id, owner, ageMs, functions, label, takenBy, error }) => ({
    state,
    id,
    user: undefined,
    owner: `${owner.host}:${owner.pid}`,
    ageMs,
    functions,
    label,
    note: error?.message ?? (state === 'sweeping' && takenBy !== undefined ? `by ${takenBy}` : undefined),
  }));
  return formatTable(entries, ['owner', 'owners'], width);
}

/** What `cluster show` prints. @param schemaOption - for lines that can be copied */
export function formatOwner(listed: ListedOwner, schemaOption: string): string {
  const { id, pool, state, owner, label, ageMs, epoch, takenBy, functions, error } = listed;
  const who = [
    `pid ${owner.pid} on ${owner.host}`,
    ...(label === undefined ? [] : [label]),
    `begun ${formatAge(ageMs)} ago`,
  ];
  const options = `--pool ${quoted(pool)}${schemaOption}`;
  const lines = [
    `${id}  ${state === 'dead' ? deadLetterText(functions) : STATES[state]}`,
    row('pool', pool),
    row('owner', who.join(', ')),
    ...(epoch === undefined ? [] : [row('fence', String(epoch))]),
    ...(takenBy === undefined ? [] : [row('taken', `by ${takenBy}`)]),
    ...functions.flatMap(fn => [...functionLines(listed, fn), ...runLines(fn)]),
    ...(error ? [row('error', error.message)] : []),
    ...(state === 'dead'
      ? [
          row('again', `deferred-sweep cluster retry ${id} ${options}`),
          row('away', `deferred-sweep cluster discard ${id} ${options}`),
        ]
      : []),
    ...(state === 'orphan' ? [row('run it', `deferred-sweep cluster sweep ${options} --handlers FILE`)] : []),
  ];
  return printableLines(lines);
}

const STATES: Readonly<Record<Exclude<OwnerState, 'dead'>, string>> = {
  live: 'live: its job has it',
  sweeping: 'sweeping: a sweeper has it',
  suspected: 'suspected: its session is gone, and may come back',
  orphan: 'orphan: its owner is gone; the next sweep that has its handlers runs what is due',
};

function runLines({ attempts, nextAtEpochMs, delivery }: ListedClusterFunction): string[] {
  return [
    ...(delivery === 'at-most-once' ? [row('', 'at most once')] : []),
    ...(attempts.length === 0
      ? []
      : [row('', `run by ${[...new Set(attempts.map(({ runner }) => runner))].join(', ')}`)]),
    ...(nextAtEpochMs === undefined || attempts.length === 0
      ? []
      : [row('', `not again before ${clock(nextAtEpochMs)}`)]),
  ];
}

export function formatClusterReport(report: ClusterReport): string {
  const { pool, owners, ok, failed, pending, isComplete } = report;
  const lines = owners.flatMap(from => {
    const { id, label, outcome, functions, error } = from;
    const notes = [outcome, ...(error ? [error.message] : [])].join(', ');
    return [
      `${id}${fromOwner(from)}${label === undefined ? '' : `, ${label}`}: ${notes}`,
      ...functions.map(ran => functionLine(ran)),
    ];
  });
  const incomplete = isComplete ? '' : ', stopped before the end';
  lines.push(`${pool}: ${ok} done, ${failed} failed, ${pending} left for later${incomplete}`);
  return printableLines(lines);
}
