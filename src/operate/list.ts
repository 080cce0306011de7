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
import { lockTable, withHolders } from './liveness.ts';
import { type FilePlace, readStateFile } from './read-file.ts';

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
  places: readonly FilePlace[],
  trust: Trust,
  options: ListOptions,
): Promise<ListedFile[]> {
  const files: ListedFile[] = [];
  let locks = lockTable();
  for (const [at, place] of places.entries()) {
    if (at % FILES_A_TABLE === FILES_A_TABLE - 1) {
      locks = lockTable();
      await setImmediate();
    }
    const listed = readStateFile(place, locks, trust)?.listed;
    if (!listed || options.states?.includes(listed.state) === false || !isOf(listed, options)) continue;
    files.push(listed);
  }
  return files;
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
    if (!isSystemError(error.cause, 'ENOTDIR')) return [{ path: deadPath, where, error }];
    const message = `cannot read ${deadPath}: it is not a directory; find out who put it there, and move it away`;
    const fault = new DeferredSweepError('DEFERRED_STATE_IO', message, { path: deadPath });
    return [{ path: deadPath, where, error: fault }];
  }
}
