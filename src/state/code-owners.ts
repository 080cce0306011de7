/**
 * Whose the code of a stored function is: its module, loaders, program and working directory. What belonged to another
 * user when the function was registered was trusted then. What is refused is that it belongs to yet another one since:
 * under `/tmp`, a directory that was removed may be made anew by any user.
 */
import { DeferredSweepError, systemErrorCode } from '../errors.ts';
import { Covered } from './covered.ts';
import { NOTHING_MORE, type Trust } from './trust.ts';
import { isOurs, viewerOf } from './trusted-path.ts';
import { describeUser } from './user-name.ts';
import { type Step, type Way, walk } from './way.ts';

/**
 * The users, beside root, us and the owner of `/`, who own what is at `path` or a directory or link on the way to it:
 * ascending, each once; empty in most places. They can decide what is found there. Some 0.1 ms: to be remembered for each path.
 * @param path - absolute
 * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY` as {@link walk}
 * @throws Error of Node's shape where the way cannot be walked
 */
export function ownersOf(path: string): number[] {
  const owners = foreignSteps(path).map(({ stat }) => stat.uid);
  return [...new Set(owners)].sort((a, b) => a - b);
}

/**
 * Returns when what is at `path` can only have been put there by users who could at registration. What does not exist is
 * no change: its use fails by itself, and says so better.
 * @param what - names the thing, for the message: `the module`, `the working directory`
 * @param path - absolute
 * @param registered - what {@link ownersOf} returned when the function was registered
 * @param trust - of the sweep: owners of trusted paths do not matter
 * @throws DeferredSweepError `DEFERRED_OWNER_CHANGED`; as {@link ownersOf}
 */
export function checkUnchangedOwners(
  what: string,
  path: string,
  registered: readonly number[],
  trust: Trust = NOTHING_MORE,
): void {
  const covered = new Covered(trust);
  let stranger: Step | undefined;
  try {
    stranger = foreignSteps(path).find(
      step => !registered.includes(step.stat.uid) && !covered.has(step.path),
    );
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes(systemErrorCode(error) ?? '')) return;
    throw error;
  }
  if (!stranger) return;
  const where = stranger.path === path ? 'it' : stranger.path;
  throw new DeferredSweepError(
    'DEFERRED_OWNER_CHANGED',
    `cannot use ${what} ${path}: ${where} belongs to ${describeUser(stranger.stat.uid)}, which it did not when the function was registered; find out who replaced it, and put back what was there`,
    { path },
  );
}

/** What others own on the way. */
function foreignSteps(path: string): Step[] {
  const way: Way = walk(path);
  const viewer = viewerOf(NOTHING_MORE, way.steps[0]!);
  return way.steps.filter(step => !isOurs(step, viewer));
}
