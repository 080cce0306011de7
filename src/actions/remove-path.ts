/** Removing a file or a whole tree. What can only be a mistake, such as a home directory, is refused. */
import { execFileSync } from 'node:child_process';
import { lstatSync, promises, realpathSync } from 'node:fs';
import { homedir } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { DeferredSweepError, isSystemError, MISSING, systemErrorCode, unlessRefused } from '../errors.ts';
import { currentInvocation } from '../function/current-invocation.ts';
import { requireKnown } from '../known-options.ts';
import { inodeKey } from '../lock/held-file.ts';
import { readMounts } from '../lock/mounts.ts';

export interface RemovePathOptions {
  /** The path must lie below this directory, symbolic links resolved. Absolute. */
  root?: string | undefined;
  /**
   * The file or directory that is meant, as {@link identifyPath} gave it: where another one has its name by now, that one
   * is left. After another boot the device's number may have changed, and the inode's number alone decides.
   */
  identity?: string | undefined;
}

/**
 * Removes what `path` names, directories with all in them, read-only ones too; a symbolic link itself, not what it
 * leads to. For `defer`: already gone is success.
 * Between its checks and the removal another process may change the directories on the way: give `root` and directories
 * that only you can write to.
 * @throws DeferredSweepError `DEFERRED_ACTION_REFUSED`, and nothing is touched: the path is relative or has `..` in it; it
 * is `/`, a home directory, a mount point, or has one of these below it; it is not below `root`; its mounts cannot be seen
 * @throws Error of Node's shape when something in it cannot be removed
 */
export async function removePath(path: string, options: RemovePathOptions = {}): Promise<void> {
  requireKnown(options, ['root', 'identity']);
  requirePlain('path', path);
  if (options.root !== undefined) requirePlain('root', options.root);
  const real = realPathOf(path);
  if (real === undefined) return;
  refuseAbove(path, real, options.root);
  const identity = unlessGone(() => identifyPath(real));
  if (identity === undefined) return;
  if (options.identity !== undefined && !isSame(identity, options.identity)) return;
  const remove = (): Promise<void> => promises.rm(real, { recursive: true, force: true, maxRetries: 3 });
  try {
    await remove();
  } catch (error) {
    if (!isSystemError(error, 'EACCES')) throw error;
    await makeWritable(Buffer.from(real));
    await remove();
  }
}

/** Lets this user change the directories of a tree. Many a program makes some that are read-only: Go's module cache, Bazel. */
async function makeWritable(path: Buffer): Promise<void> {
  const stat = await promises.lstat(path);
  if (!stat.isDirectory()) return;
  try {
    if ((stat.mode & 0o700) !== 0o700) await promises.chmod(path, stat.mode | 0o700);
    for (const name of await promises.readdir(path, { encoding: 'buffer' }))
      await makeWritable(Buffer.concat([path, Buffer.from('/'), name]));
  } catch (error) {
    // Another user's, or gone meanwhile. The removal tells what it cannot remove.
    if (systemErrorCode(error) === undefined) throw error;
  }
}

/**
 * Names what is at a path now by device and inode, for {@link removePath}.
 * @throws Error of Node's shape when there is nothing
 */
export function identifyPath(path: string): string {
  return inodeKey(lstatSync(path, { bigint: true }));
}

function isSame(identity: string, wanted: string): boolean {
  if (currentInvocation()?.sameBoot !== false) return identity === wanted;
  return identity.split(':')[1] === wanted.split(':')[1];
}

function requirePlain(what: string, path: string): void {
  if (typeof path !== 'string' || !isAbsolute(path) || path.includes('\0'))
    throw refused(
      path,
      `its ${what} must be absolute, since another process may run it in another directory`,
    );
  if (path.split('/').includes('..'))
    throw refused(path, `its ${what} has ".." in it, which symbolic links lead elsewhere`);
}

/** The path with links on the way resolved, its last name as it is; undefined when it is gone. */
function realPathOf(path: string): string | undefined {
  const trimmed = path.replace(/\/+$/, '');
  if (trimmed === '') return '/';
  const parent = unlessGone(() => realpathSync(dirname(trimmed)));
  return parent === undefined ? undefined : join(parent, basename(trimmed));
}

function refuseAbove(path: string, real: string, root: string | undefined): void {
  if (real === '/') throw refused(path, 'it is the root of all');
  for (const home of homes())
    if (isAtOrBelow(home, real)) throw refused(path, `it is or has in it the home directory ${home}`);
  const points = mountPoints();
  if (points.length === 0)
    throw refused(
      path,
      '/proc/self/mountinfo, which tells what is mounted below it, cannot be read; mount /proc',
    );
  const mounted = points.find(point => isAtOrBelow(point, real));
  if (mounted !== undefined) throw refused(path, `something is mounted at ${mounted}; unmount it first`);
  if (root === undefined) return;
  const realRoot = unlessGone(() => realpathSync(root));
  if (realRoot === undefined || real === realRoot || !isAtOrBelow(real, realRoot))
    throw refused(path, `it is not below ${root}`);
}

function homes(): readonly string[] {
  const named = [process.env.HOME, unlessRefused(homedir, undefined)];
  return named
    .filter(home => home !== undefined && isAbsolute(home) && home !== '/')
    .map(home => unlessRefused(() => realpathSync(home!), home!));
}

function isAtOrBelow(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory === '/' ? '/' : `${directory}/`);
}

function unlessGone<T>(look: () => T): T | undefined {
  return unlessRefused(look, undefined, ...MISSING);
}

function refused(path: string, why: string): DeferredSweepError {
  return new DeferredSweepError('DEFERRED_ACTION_REFUSED', `will not remove ${String(path)}: ${why}`, {
    path: String(path),
  });
}

/** The mount points this process sees, absolute, without symbolic links. None: the system does not tell. */
function mountPoints(): readonly string[] {
  if (process.platform !== 'darwin') return readMounts().map(({ mountPoint }) => mountPoint);
  // By its absolute path: a batch system's hook may have no PATH.
  const output = unlessRefused(() => execFileSync('/sbin/mount', { encoding: 'utf8' }), '');
  // Lines such as `/dev/disk3s5 on /System/Volumes/Data (apfs, local)`.
  return Array.from(output.matchAll(/ on (.+) \([^()]*\)$/gm), ([, point]) => point!);
}
