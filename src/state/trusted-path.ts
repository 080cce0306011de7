/**
 * Whether another user can decide where the way to a path leads: `docs/security.md`, section "The way there".
 *
 * By induction from `/`: a directory that only trusted users can write to, or a sticky one, keeps each of its entries
 * that a trusted user owns. So does the next one. What was once seen at the end is then changed by trusted users alone.
 */
import { type BigIntStats, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import {
  fuseUser,
  isFuse,
  isUntrustedDevice,
  type Mount,
  mountsOnTheWay,
  readMounts,
} from '../lock/mounts.ts';
import { describeMode, GROUP_WRITE, OTHERS_WRITE, STICKY, type Trust, type Viewer } from './trust.ts';
import { describeGroup, describeUser } from './user-name.ts';
import { type Step, type Way, walk } from './way.ts';

/** One thing on the way that is not as it should be. */
export interface Distrust {
  /** The directory or link concerned. */
  readonly path: string;
  /** Names the path, and whose it is. */
  readonly what: string;
  /** What to do about it; safe to follow. */
  readonly advice: string;
}

export interface Verdict {
  /** The first thing that forbids to use what the way leads to. */
  readonly refusal: Distrust | undefined;
  /** What the user should know of, and may want so. */
  readonly warnings: readonly Distrust[];
}

/** Super block magic number, see statfs(2). */
const FUSE_MAGIC = 0x65735546;

/** The process we are, with what is trusted beside. Asked each time: a process may change its user. */
export function viewerOf(trust: Trust, way: Way): Viewer {
  return {
    uid: process.geteuid?.() ?? 0,
    gid: process.getegid?.() ?? 0,
    rootUid: way.steps[0]!.stat.uid,
    trust,
  };
}

/**
 * Judges every step of a way.
 * @throws Error of Node's shape if a trusted path cannot be walked
 */
export function judgeWay(way: Way, viewer: Viewer): Verdict {
  const covered = new Covered(viewer.trust);
  const warnings: Distrust[] = [];
  for (const step of way.steps) {
    const refusal = distrustOwner(step, viewer) ?? distrustMode(step, viewer, warnings);
    if (refusal && !covered.has(step.path)) return { refusal, warnings };
  }
  const refusal = crossesDevices(way) ? distrustMounts(way, viewer, covered, readMounts) : undefined;
  return { refusal, warnings: warnings.filter(({ path }) => !covered.has(path)) };
}

/**
 * Says why the state directory itself is not to be used, whatever the way to it.
 * @param path - without symbolic links above its last name
 * @param stat - by lstat(2)
 */
export function distrustStateDirectory(path: string, stat: BigIntStats, trust: Trust): Distrust | undefined {
  if (!stat.isDirectory()) {
    return {
      path,
      what: `it is ${stat.isSymbolicLink() ? 'a symbolic link' : 'not a directory'}`,
      advice: 'move it out of the way if you know what it is for, or use another base directory',
    };
  }
  const us = process.geteuid?.() ?? 0;
  const distrust =
    distrustDirectoryOwner(path, Number(stat.uid), us) ?? distrustDirectoryMode(path, stat, trust);
  return distrust && new Covered(trust).has(path) ? undefined : distrust;
}

function distrustDirectoryOwner(path: string, owner: number, us: number): Distrust | undefined {
  if (owner === us || owner === 0) return undefined;
  return {
    path,
    what: `it belongs to ${describeUser(owner)}, not to ${describeUser(us)}`,
    advice: `give each user a base directory of its own, such as ${join(dirname(path), String(us))} with mode 0700`,
  };
}

function distrustDirectoryMode(path: string, stat: BigIntStats, trust: Trust): Distrust | undefined {
  const mode = Number(stat.mode);
  const bits = trust.groups.includes(Number(stat.gid)) ? OTHERS_WRITE : OTHERS_WRITE | GROUP_WRITE;
  if ((mode & bits) === 0) return undefined;
  return {
    path,
    what: `others can write to it (${describeMode({ mode })})`,
    advice: `make it private (chmod 0700 ${path})`,
  };
}

/** Whether root, the user we are, or the owner of `/` owns a step, so that no other user could have put it there. */
export function isOurs({ stat, parent }: Step, { uid, rootUid }: Viewer): boolean {
  if (stat.uid === 0 || stat.uid === uid) return true;
  // Where root is shown as the user of all who have no id here, each of them can make a directory in `/tmp`.
  const isShared = parent !== undefined && (parent.stat.mode & (OTHERS_WRITE | GROUP_WRITE)) !== 0;
  return stat.uid === rootUid && !isShared;
}

function distrustOwner(step: Step, viewer: Viewer): Distrust | undefined {
  if (isOurs(step, viewer)) return undefined;
  const { path, stat } = step;
  const owner = describeUser(stat.uid);
  const us = describeUser(viewer.uid);
  return {
    path,
    what: `${path}, on the way to it, ${stat.isSymbolicLink() ? 'is a symbolic link of' : 'belongs to'} ${owner}, not to ${us}`,
    advice: `use a directory below those of ${us}; only if ${owner} may run code as ${us}, ${trustAdvice(path)}`,
  };
}

function distrustMode(step: Step, viewer: Viewer, warnings: Distrust[]): Distrust | undefined {
  const { path, stat } = step;
  if (!stat.isDirectory() || stat.mode & STICKY) return undefined;
  if (stat.mode & OTHERS_WRITE) {
    return {
      path,
      what: `every user can replace what is in ${path}, on the way to it (${describeMode(stat)})`,
      advice: `make it sticky (chmod +t ${path}) or use another directory; only if every user there may run code as you, ${trustAdvice(path)}`,
    };
  }
  if ((stat.mode & GROUP_WRITE) === 0 || viewer.trust.groups.includes(stat.gid)) return undefined;
  // A group of one user's own, as useradd(8) makes them.
  if (viewer.uid !== 0 && stat.gid === viewer.gid && stat.gid === viewer.uid) return undefined;
  const group = describeGroup(stat.gid);
  const distrust: Distrust = {
    path,
    what: `the group ${group} can replace what is in ${path}, on the way to it (${describeMode(stat)})`,
    advice: `take that away (chmod g-w ${path}) or make it sticky (chmod +t ${path}); only if the whole group may run code as you, trust it (trustedGroups, --trust-group ${stat.gid})`,
  };
  if (viewer.uid === 0) return distrust;
  warnings.push(distrust);
  return undefined;
}

function trustAdvice(path: string): string {
  return `trust it (trustedPaths, --trust ${path})`;
}

/** A way within one file system meets no mount that could claim anything. */
function crossesDevices({ steps }: Way): boolean {
  return process.platform === 'linux' && steps.some(({ stat }) => stat.dev !== steps[0]!.stat.dev);
}

/**
 * What a mount says of owners is what its maker wants. The mount of `/` is trusted: this program lies on it, too.
 * @param mounts - asked only where needed: a node may have thousands
 */
function distrustMounts(
  way: Way,
  viewer: Viewer,
  covered: Covered,
  mounts: () => Mount[],
): Distrust | undefined {
  const isRoot = viewer.uid === 0;
  if (!isRoot && !hasFuse(way)) return undefined;
  const through = mountsOnTheWay(mounts(), way.lastDirectory.path).filter(
    ({ mountPoint }) => mountPoint !== '/' && !covered.has(mountPoint),
  );
  for (const mount of through) {
    const refusal = distrustMount(mount, viewer);
    if (refusal) return refusal;
  }
  return undefined;
}

/** Root trusts no file system whose owners an ordinary user may have made up; a user trusts root's and its own. */
export function distrustMount(mount: Mount, viewer: Viewer): Distrust | undefined {
  const { mountPoint: path, type } = mount;
  const advice = `use a directory on another file system; only if the maker of this one may run code as ${describeUser(viewer.uid)}, ${trustAdvice(path)}`;
  if (isFuse(mount)) {
    const maker = fuseUser(mount);
    if (viewer.uid !== 0 && (maker === 0 || maker === viewer.uid)) return undefined;
    const whose = maker === undefined ? '' : ` of ${describeUser(maker)}`;
    return {
      path,
      what: `${path}, on the way to it, is a FUSE mount${whose} (${type}), which can claim any owner`,
      advice,
    };
  }
  if (viewer.uid !== 0 || !isUntrustedDevice(mount)) return undefined;
  return {
    path,
    what: `${path}, on the way to it, is mounted nosuid from ${mount.source}: its owners may be forged`,
    advice,
  };
}

/** One call for each device. */
function hasFuse({ steps }: Way): boolean {
  const seen = new Set<number>();
  for (const { path, stat } of steps) {
    if (!stat.isDirectory() || seen.has(stat.dev)) continue;
    seen.add(stat.dev);
    if (statfsSync(path).type === FUSE_MAGIC) return true;
  }
  return false;
}

/** The paths that the user trusts, and all on the way to them. Looked up when first asked, which is rare. */
class Covered {
  readonly #trust: Trust;
  #paths: Set<string> | undefined;

  constructor(trust: Trust) {
    this.#trust = trust;
  }

  has(path: string): boolean {
    if (this.#trust.paths.length === 0) return false;
    this.#paths ??= new Set(this.#trust.paths.flatMap(pathsOnTheWay));
    return this.#paths.has(path);
  }
}

function pathsOnTheWay(path: string): string[] {
  const { steps, lastDirectory, resolved } = walk(path);
  const missing: string[] = [];
  for (let at = resolved; at.length > lastDirectory.path.length; at = dirname(at)) missing.push(at);
  return [...steps.map(step => step.path), ...missing];
}
