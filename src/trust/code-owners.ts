/**
 * Owners of a stored function's code: its module, loaders, program and working directory. The owners at registration are
 * trusted. A change of owner since then is refused: any user can make a directory anew under `/tmp`.
 */
import { DeferredSweepError, MISSING, unlessRefused } from '../errors.ts';
import { GROUP_WRITE, NOTHING_MORE, OTHERS_WRITE, type Trust } from './trust.ts';
import { coveredBy, isOurs, viewerOf } from './trusted-path.ts';
import { describeUser } from './user-name.ts';
import { type Step, type Way, walk } from './way.ts';

/**
 * The ids of other users who own `path`, or a directory or link on the way to it; ascending, each once. Root, this user and
 * the owner of `/` are left out. Takes some 0.1 ms, a registration some microseconds: hence {@link knownOwnersOf}.
 * @param path - absolute
 * @throws as {@link walk}
 */
export function ownersOf(path: string): number[] {
  return inOrder(foreignSteps(walk(path)).map(({ stat }) => stat.uid));
}

const known = new Map<string, readonly number[]>();
const MOST_KNOWN = 10_000;

/** As {@link ownersOf} for several paths, asked once for each in this process; none of a path that cannot be walked. */
export function knownOwnersOf(paths: readonly string[]): readonly number[] {
  const owners = paths.map(path => {
    if (known.size >= MOST_KNOWN) known.clear();
    // What cannot be looked at has no owner that could be trusted later.
    const owners = known.get(path) ?? unlessRefused(() => ownersOf(path), []);
    known.set(path, owners);
    return owners;
  });
  return inOrder(owners.flat());
}

/** Ascending, each once. */
export function inOrder(uids: readonly number[]): number[] {
  return [...new Set(uids)].sort((a, b) => a - b);
}

/**
 * Returns if no user has gained control of `path` since registration; true if none but root and this one could. A missing
 * path is no change: its use fails with a better error.
 * @param what - for the message: `the module`, `the working directory`
 * @param path - absolute
 * @param registered - what {@link ownersOf} returned when the function was registered
 * @throws DeferredSweepError `DEFERRED_OWNER_CHANGED`; as {@link ownersOf}
 */
export function checkUnchangedOwners(
  what: string,
  path: string,
  registered: readonly number[],
  trust: Trust = NOTHING_MORE,
): boolean {
  const isCovered = coveredBy(trust);
  const way = unlessRefused(() => walk(path), undefined, ...MISSING);
  if (way === undefined) return false;
  const foreign = foreignSteps(way);
  const stranger = foreign.find(step => !registered.includes(step.stat.uid) && !isCovered(step.path));
  if (!stranger) return way.end !== undefined && foreign.length === 0 && !way.steps.some(isForOthers);
  const where = stranger.path === path ? 'it' : stranger.path;
  throw new DeferredSweepError(
    'DEFERRED_OWNER_CHANGED',
    `cannot use ${what} ${path}: ${where} belongs to ${describeUser(stranger.stat.uid)}, which it did not when the function was registered; find out who replaced it, and put back what was there`,
    { path },
  );
}

function foreignSteps(way: Way): Step[] {
  const viewer = viewerOf(NOTHING_MORE);
  return way.steps.filter(step => !isOurs(step, viewer));
}

/** True for a directory in which others can make names, sticky or not. */
function isForOthers({ stat }: Step): boolean {
  return stat.isDirectory() && (stat.mode & (GROUP_WRITE | OTHERS_WRITE)) !== 0;
}
