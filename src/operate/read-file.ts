/** How one file is looked at without a lock, and without a change to it. */
import { closeSync, fstatSync, lstatSync, openSync } from 'node:fs';
import { basename } from 'node:path';
import { type DeferredSweepError, systemErrorCode, unlessRefused } from '../errors.ts';
import { epochMs } from '../log/clock.ts';
import { StateContents } from '../log/contents.ts';
import type { RegisteredFunction } from '../log/registered-function.ts';
import { replay } from '../log/replay.ts';
import { attemptsOf, verdictOn } from '../log/retry-policy.ts';
import { reportError } from '../report/reported-error.ts';
import { readAll } from '../state/file-io.ts';
import { DAMAGED_SUFFIX, isUnfinishedName, partsOfName, WIP_SUFFIX } from '../state/names.ts';
import { READ_FLAGS } from '../state/open-patiently.ts';
import { distrustFile, notOpened, type Trust, unsafeFile } from '../trust/trust.ts';
import { argumentText, type ListedFile, type ListedFunction } from './listed-file.ts';
import { livenessOf } from './liveness.ts';

/** Where a file lies says what it is. */
export interface FilePlace {
  readonly path: string;
  readonly where: 'live' | 'dead';
  /** Of `dead/` itself, where dead letters cannot be looked for. */
  readonly error?: DeferredSweepError;
}

export interface ReadFile {
  readonly listed: ListedFile;
  readonly contents: StateContents;
  readonly bytes: Buffer;
}

/** Returns undefined for a file that is gone. Never throws for what is wrong with one file. */
export function readStateFile(
  { path, where, error: fault }: FilePlace,
  locks: ReadonlySet<string>,
  trust: Trust,
): ReadFile | undefined {
  let fd: number | undefined;
  try {
    if (fault) throw fault;
    fd = openSync(path, READ_FLAGS);
    const stat = fstatSync(fd, { bigint: true });
    const distrust = distrustFile(stat, trust);
    if (distrust !== undefined) throw unsafeFile(path, distrust);
    const bytes = readAll(fd, path);
    const contents = replay(bytes);
    const liveness =
      where === 'dead'
        ? ({ state: 'dead', knownBy: 'place' } as const)
        : livenessOf(fd, stat, contents, locks);
    return { listed: describe(path, Number(stat.uid), contents, liveness), contents, bytes };
  } catch (error) {
    if (systemErrorCode(error) === 'ENOENT') return undefined;
    const listed: ListedFile = {
      id: idOf(basename(path)),
      path,
      state: where === 'dead' ? 'damaged' : 'unknown',
      knownBy: 'nothing',
      ...ageOf(path, undefined),
      functions: [],
      holders: [],
      error: reportError(notOpened(path, error)),
    };
    return { listed, contents: new StateContents(), bytes: Buffer.alloc(0) };
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

/** The `id` of a {@link ListedFile}; the name itself where it is none of a state file. */
export function idOf(name: string): string {
  const parts = partsOfName(isUnfinishedName(name) ? name.slice(0, -WIP_SUFFIX.length) : name);
  if (!parts) return name;
  if (name.endsWith(DAMAGED_SUFFIX)) return parts.random + DAMAGED_SUFFIX;
  return parts.functionId === undefined ? parts.random : `${parts.random}.${parts.functionId}`;
}

function describe(
  path: string,
  uid: number,
  contents: StateContents,
  { state, knownBy }: Pick<ListedFile, 'state' | 'knownBy'>,
): ListedFile {
  const { header, damagedBytes, tornBytes } = contents;
  const isFree = ['orphan', 'dead', 'unknown'].includes(state);
  const isDamaged = damagedBytes > 0 || path.endsWith(DAMAGED_SUFFIX);
  return {
    id: idOf(basename(path)),
    path,
    state: isDamaged && isFree && !isUnfinishedName(path) ? 'damaged' : state,
    knownBy,
    uid,
    ...(header && { owner: header.owner }),
    ...ageOf(path, header?.createdAtEpochMs),
    ...(header && header.label !== null && { label: header.label }),
    functions: [...contents.functions.values()].map(registered => describeFunction(registered, isFree)),
    holders: [],
    ...(tornBytes > 0 && { tornBytes }),
    ...(damagedBytes > 0 && { damagedBytes }),
  };
}

/** By its header, else by its name, else since its last change: an alarm for what is old must find what is damaged. */
function ageOf(path: string, createdAtEpochMs: number | undefined): { readonly ageMs?: number } {
  const atEpochMs =
    createdAtEpochMs ??
    partsOfName(basename(path))?.madeAtEpochMs ??
    unlessRefused(() => lstatSync(path).mtimeMs, undefined);
  return atEpochMs === undefined ? {} : { ageMs: Math.max(0, epochMs() - atEpochMs) };
}

function describeFunction(registered: RegisteredFunction, isFree: boolean): ListedFunction {
  const { record, lastAttempt } = registered;
  const isGivenUp = lastAttempt?.done?.final === true && lastAttempt.done.error !== undefined;
  const state = registered.isCancelled
    ? 'cancelled'
    : !registered.isPending
      ? isGivenUp
        ? 'given-up'
        : 'done'
      : registered.isInProgress && !isFree
        ? 'running'
        : 'pending';
  const verdict = isFree && state === 'pending' ? verdictOn(registered, {}, epochMs()) : undefined;
  return {
    id: record.id,
    name: record.name,
    state,
    attempts: registered.attempts.map(({ attempt, start, done }) => ({
      attempt,
      ...(start && { startedAtEpochMs: start.atEpochMs }),
      ...(done && { endedAtEpochMs: done.atEpochMs }),
      ...(done?.error && { error: done.error }),
    })),
    maxAttempts: attemptsOf(record),
    ...(verdict?.kind === 'wait' && { retryInMs: verdict.forMs }),
    timeoutMs: record.timeoutMs,
    registeredAtEpochMs: record.registeredAtEpochMs,
    argumentText: argumentText(record.arguments),
  };
}
