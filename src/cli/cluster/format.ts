/** What the cluster store has, as text for people. Pure. What others wrote is escaped. */
import type { ListedFunction, ListedOwner } from '../../postgres/operate.ts';
import type { ClusterReport } from '../../postgres/report.ts';
import { functionLine } from '../format.ts';
import { formatAge } from '../format-list.ts';

/** Control characters, and those that turn the direction of text, as escapes. */
export function printable(text: string): string {
  return text.replace(
    /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu,
    character => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
}

const HEAD = ['STATE', 'ID', 'OWNER', 'AGE', 'TODO', 'TRIES', 'NEXT', 'LABEL'];

/** A table, and a line that sums up. */
export function formatOwners(pool: string, owners: readonly ListedOwner[]): string {
  const rows = owners.map(listed => {
    const { functions, state } = listed;
    const next = functions[0];
    const id = state === 'dead' ? `${listed.id}.${next?.id}` : listed.id;
    const tries =
      next === undefined || next.attempts.length === 0 ? '-' : `${next.attempts.length}/${next.maxAttempts}`;
    const owner = `${listed.owner.host}:${listed.owner.pid}`;
    return [
      state,
      id,
      owner,
      formatAge(listed.ageMs),
      String(functions.length),
      tries,
      next?.name ?? '-',
      listed.label ?? '',
    ];
  });
  const widths = HEAD.map((_, column) =>
    Math.max(...[HEAD, ...rows].map(row => printable(row[column]!).length)),
  );
  const lines = [HEAD, ...rows].map(row =>
    row
      .map((cell, column) => printable(cell).padEnd(widths[column]!))
      .join('  ')
      .trimEnd(),
  );
  const states = ['live', 'sweeping', 'suspected', 'orphan', 'dead'] as const;
  const counts = states.map(state => `${owners.filter(owner => owner.state === state).length} ${state}`);
  return `${lines.join('\n')}\n${printable(pool)}: ${counts.join(', ')}\n`;
}

/** All that is known of the functions of an owner. */
export function formatFunction(listed: ListedOwner, fn: ListedFunction, args: string): string {
  const { owner, label, state } = listed;
  const lines = [
    `${listed.id}.${fn.id}  ${fn.name}(${args})  ${state === 'dead' ? 'dead letter' : state}`,
    `  owner      ${owner.host}, pid ${owner.pid}${label === null ? '' : `, ${label}`}`,
    `  registered ${fn.registeredAt}, ${fn.delivery}, ${fn.maxAttempts} attempts of ${fn.timeoutMs} ms`,
    ...(fn.nextAt === undefined ? [] : [`  next       not before ${fn.nextAt}`]),
    ...fn.attempts.map(({ attempt, runner, startedAt, endedAt, error }) => {
      const end = endedAt === null ? 'no end known' : (error?.message ?? 'ok');
      return `  attempt ${attempt}  ${startedAt} by ${runner}: ${end}`;
    }),
    ...(fn.error === undefined ? [] : [`  given up   ${fn.buriedAt}: ${fn.error.message}`]),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

/** A report of a sweep. */
export function formatClusterReport({
  pool,
  owners,
  ok,
  failed,
  pending,
  isComplete,
}: ClusterReport): string {
  const lines = owners.flatMap(({ id, owner, outcome, functions, error }) => [
    `${id} of ${owner?.host}:${owner?.pid}: ${outcome}${error ? `: ${error.message}` : ''}`,
    ...functions.map(ran => functionLine(ran)),
  ]);
  const incomplete = isComplete ? '' : ', stopped before the end';
  lines.push(`${pool}: ${ok} done, ${failed} failed, ${pending} left for later${incomplete}`);
  return `${lines.map(printable).join('\n')}\n`;
}
