/** What `show` prints for people. */
import { partsOfId } from '../../operate/ids.ts';
import type { Holder, ListedAttempt, ListedFunction } from '../../operate/listed-file.ts';
import type { ShownFile } from '../../operate/show.ts';
import { printableLines, quoted } from '../../printable.ts';
import { userName } from '../../trust/user-name.ts';
import { callText, dueText, formatAge, isOrphan } from './format.ts';

/** @param dir - BASE for the lines that can be copied: empty where it need not be named, undefined where no command finds the file */
export function formatShown(file: ShownFile, dir: string | undefined): string {
  const lines = [
    `${shortId(file)}  ${stateText(file)}`,
    row('file', file.path),
    ...ownerLines(file),
    ...file.functions.flatMap(registered => functionLines(file, registered)),
    ...file.earlierAttempts.map(({ functionId, attempt, endedAtEpochMs, error }) =>
      row('before', `.${functionId} attempt ${attempt} ${clock(endedAtEpochMs)} ${error?.message ?? 'ok'}`),
    ),
    ...file.records
      .filter(({ kind }) => kind === 'damaged' || kind === 'torn' || kind === 'unknown')
      .map(({ offset, end, kind }) => row(kind, `bytes ${offset} to ${end}`)),
    ...(file.error ? [row('error', file.error.message)] : []),
    ...adviceLines(file, dir),
  ];
  return printableLines(lines);
}

function shortId({ id }: ShownFile): string {
  const [random, part] = partsOfId(id);
  // A name that no owner gives, of a copy by hand, say, is often told from others by its end.
  const short = /^[0-9a-f]{16}$/.test(random) ? random.slice(0, 6) : random;
  return part === undefined ? short : `${short}.${part}`;
}

function stateText({ state, functions, holders, error }: ShownFile): string {
  if (error) return `${state}: it was not read`;
  const isAnyPending = functions.some(registered => registered.state === 'pending');
  if (state === 'dead')
    return isAnyPending ? 'dead letter: a retry of it was stopped half way' : deadLetterText(functions);
  const what: Readonly<Record<typeof state, string>> = {
    live: 'its owner has it',
    held: `its owner is gone, and ${holdersText(holders) || 'another process'} keeps the lock`,
    sweeping: 'a sweep has it',
    orphan: `its owner is gone; the next sweep ${isAnyPending ? 'runs what is due' : 'removes it'}`,
    damaged: 'bytes of it are not what was written',
    unknown: 'whether its owner lives cannot be told here',
  };
  return `${state}: ${what[state]}`;
}

export function holdersText(holders: readonly Holder[]): string {
  return holders.map(({ pid, program }) => `${pid} ${program}`).join(', ');
}

export function deadLetterText([given]: readonly ListedFunction[]): string {
  return `dead letter: given up after ${given?.attempts.at(-1)?.attempt ?? 0} of ${given?.maxAttempts ?? 0} attempts`;
}

function ownerLines({ owner, uid, label, ageMs, surroundings, isOwnerAlive }: ShownFile): string[] {
  if (!owner || !surroundings) return [];
  const who = [
    ...(uid === undefined ? [] : [userName(uid)]),
    `pid ${owner.pid} on ${owner.host}${isOwnerAlive === false ? ' (gone)' : ''}`,
    ...(label === undefined ? [] : [label]),
    `begun ${clock(surroundings.createdAtEpochMs)}${ageMs === undefined ? '' : ` (${formatAge(ageMs)} ago)`}`,
  ];
  const node = [`Node ${surroundings.node}`, ...surroundings.execArgv].join(' ');
  return [
    row('owner', who.join(', ')),
    row('in', `${surroundings.cwd ?? '(a directory that is gone)'}, ${node}`),
  ];
}

export function functionLines(file: { readonly state: string }, registered: ListedFunction): string[] {
  const { id, state, attempts, timeoutMs, retryInMs } = registered;
  const stateShown = file.state === 'dead' ? [] : [state];
  const due = retryInMs === undefined ? [] : [dueText(retryInMs)];
  const limit = timeoutMs === 0 ? 'no time limit' : `at most ${timeoutMs} ms`;
  return [
    row(`.${id}`, `${callText(registered)}   ${[...stateShown, ...due, limit].join(', ')}`),
    ...attempts.map(attempt => row('', attemptText(attempt))),
  ];
}

function attemptText({ attempt, startedAtEpochMs, endedAtEpochMs, error }: ListedAttempt): string {
  const at = startedAtEpochMs ?? endedAtEpochMs;
  const ms =
    startedAtEpochMs === undefined ? '' : `${Math.max(0, (endedAtEpochMs ?? 0) - startedAtEpochMs)} ms`;
  const [took, outcome] = endedAtEpochMs === undefined ? ['no end', ''] : [ms, 'ok'];
  return `attempt ${attempt} ${at === undefined ? '' : clock(at)}  ${took}  ${error?.message ?? outcome}`.trimEnd();
}

function adviceLines(file: ShownFile, dir: string | undefined): string[] {
  if (dir === undefined) return [];
  const base = dir === '' ? '' : ` ${quoted(dir)}`;
  const which = `${quoted(shortId(file))}${base === '' ? '' : ` --dir${base}`}`;
  if (file.state === 'dead')
    return [row('again', `deferred-sweep retry ${which}`), row('away', `deferred-sweep discard ${which}`)];
  if (file.state === 'damaged' && file.knownBy === 'place')
    return [row('away', `deferred-sweep discard ${which}`)];
  return isOrphan(file) ? [row('run it', `deferred-sweep sweep${base}`)] : [];
}

export function row(name: string, text: string): string {
  return `  ${name.padEnd(8)}${text}`;
}

/** In the time zone of the one who looks, to the second. */
export function clock(epochMs: number): string {
  const date = new Date(epochMs);
  if (Number.isNaN(date.getTime())) return '(no time)';
  const two = (part: number): string => String(part).padStart(2, '0');
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
}
