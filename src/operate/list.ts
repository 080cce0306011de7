/** What lies in a state directory, told without a lock and without a change. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { setImmediate } from 'node:timers/promises';
import { DeferredSweepError, isSystemError, unlessRefused } from '../errors.ts';
import { requireKnown } from '../known-options.ts';
import { shown } from '../printable.ts';
import { defaultBase } from '../state/default-base.ts';
import { stateIo } from '../state/file-io.ts';
import { isUnfinishedName, PREFIX } from '../state/names.ts';
import { StateDirectory } from '../state/state-directory.ts';
import { resolveTrust, type Trust } from '../trust/trust.ts';
import { FILE_STATES, type FileState, isOf, type ListedFile, type ListReport } from './listed-file.ts';
import { holdersOf, lockTable } from './liveness.ts';
import { readStateFile, unreadable, type Where } from './read-file.ts';

/** How to show. */
export interface ShowOptions {
  /** As for a sweep. */
  readonly trustedPaths?: readonly string[] | undefined;
  /** As for a sweep. */
  readonly trustedGroups?: readonly number[] | undefined;
}

/** Which files are listed. */
export interface ListOptions extends ShowOptions {
  /** @defaultValue all */
  readonly states?: readonly FileState[] | undefined;
  /** Only files that are older, in milliseconds. @defaultValue 0 */
  readonly olderMs?: number | undefined;
  /** Only files of jobs with this label. @defaultValue all */
  readonly label?: string | undefined;
}

/** The table of locks is read anew after so many files: it grows old. */
const FILES_A_TABLE = 1000;

/**
 * Lists the state files and dead letters of `<stateDirBase>/deferred`. Takes no lock and changes nothing; a missing
 * directory is an empty list.
 * @param stateDirBase - by default the place that `new DeferredFunctionManager()` has
 * @throws TypeError, RangeError naming an option that is wrong
 * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY`, `DEFERRED_STATE_IO`, `DEFERRED_ADDON_MISSING`. Never for one bad
 * file.
 */
export async function list(
  stateDirBase: string = defaultBase(),
  options: ListOptions = {},
): Promise<ListReport> {
  requireKnown(options, ['states', 'olderMs', 'label', 'trustedPaths', 'trustedGroups']);
  for (const state of options.states ?? [])
    if (!FILE_STATES.includes(state))
      throw new TypeError(`option "states" must have some of ${FILE_STATES.join(', ')}, got ${shown(state)}`);
  const startMs = performance.now();
  const trust = resolveTrust(options.trustedPaths, options.trustedGroups);
  const directory = new StateDirectory(stateDirBase, { trust });
  const files = await listFiles(pathsOf(directory), trust, options);
  return { directory: directory.path, files: withHolders(files), ms: performance.now() - startMs };
}

/** Those of these files that are chosen and are still there. Their holders are not looked for. */
export async function listFiles(
  paths: readonly FilePlace[],
  trust: Trust,
  options: ListOptions,
): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  let locks = lockTable();
  for (const [at, { path, where, error }] of paths.entries()) {
    if (at % FILES_A_TABLE === FILES_A_TABLE - 1) {
      locks = lockTable();
      await setImmediate();
    }
    const listed = error ? unreadable(path, where, error) : readStateFile(path, where, locks, trust)?.listed;
    if (!listed || options.states?.includes(listed.state) === false || !isOf(listed, options)) continue;
    files.push(listed);
  }
  return files;
}

export interface FilePlace {
  readonly path: string;
  readonly where: Where;
  /** Of `dead/` itself, where dead letters cannot be looked for. */
  readonly error?: DeferredSweepError;
}

/** Every state file and dead letter, oldest first, dead letters last. @throws DeferredSweepError */
export function pathsOf(directory: StateDirectory): FilePlace[] {
  const { stateFiles, movedDeadLetters } = directory.look();
  return [
    ...stateFiles.map(name => ({ path: directory.pathOf(name), where: 'live' as const })),
    ...movedDeadLetters.map(name => ({ path: directory.pathOf(name), where: 'dead' as const })),
    ...deadPlaces(directory),
  ];
}

/** The processes that keep the lock of a dead owner. */
function withHolders(files: readonly ListedFile[]): ListedFile[] {
  const held = new Set(files.filter(({ state }) => state === 'held').map(({ path }) => path));
  const holders = holdersOf(held);
  return files.map(file => ({ ...file, holders: holders.get(file.path) ?? [] }));
}

function deadPlaces({ deadPath }: StateDirectory): FilePlace[] {
  const where = 'dead';
  try {
    return stateIo(`read ${deadPath}`, deadPath, () =>
      unlessRefused(() => readdirSync(deadPath), [], 'ENOENT'),
    )
      .filter(name => name.startsWith(PREFIX) && !isUnfinishedName(name))
      .sort()
      .map(name => ({ path: join(deadPath, name), where }));
  } catch (error) {
    if (!(error instanceof DeferredSweepError)) throw error;
    return [
      { path: deadPath, where, error: isSystemError(error.cause, 'ENOTDIR') ? notDead(deadPath) : error },
    ];
  }
}

function notDead(path: string): DeferredSweepError {
  const message = `cannot read ${path}: it is not a directory; find out who put it there, and move it away`;
  return new DeferredSweepError('DEFERRED_STATE_IO', message, { path });
}
