/**
 * Whether another user can decide where the way to a path leads: `docs/security.md`, section "The way there".
 *
 * By induction from `/`: in a sticky directory, or one that only trusted users can write to, only trusted users can replace
 * an entry that a trusted user owns. So only they can change the end of a trusted way.
 */
import { type BigIntStats, lstatSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { unlessRefused } from '../errors.ts';
import {
  type Distrust,
  describeMode,
  GROUP_WRITE,
  OTHERS_WRITE,
  STICKY,
  type Trust,
  trustAdvice,
  type Viewer,
} from './trust.ts';
import { distrustMounts } from './trusted-mounts.ts';
import { describeGroup, describeUser } from './user-name.ts';
import { type Step, type Way, walk } from './way.ts';

/** This process and what it trusts. Asked each time, since a process may change its user. */
export function viewerOf(trust: Trust): Viewer {
  const [uid, gid] = [process.geteuid?.() ?? 0, process.getegid?.() ?? 0];
  return { uid, gid, rootUid: lstatSync('/').uid, trust };
}

export interface JudgedWay extends Way {
  /** Steps that are allowed but may not be meant. */
  readonly warnings: readonly Distrust[];
}

/**
 * Walks to a path and judges each step before a name is looked up in it, then the mounts of the whole way.
 * @param judged - called with each step, and why it is untrusted or undefined; at last with the mounts, without a step. If it
 * throws, the walk ends.
 */
export function walkJudged(
  path: string,
  trust: Trust,
  judged: (distrust: Distrust | undefined, step?: Step) => void,
): JudgedWay {
  const warnings: Distrust[] = [];
  const viewer = viewerOf(trust);
  const isCovered = coveredBy(trust);
  const way = walk(path, step => {
    let distrust = distrustOwner(step, viewer) ?? distrustMode(step, viewer);
    if (distrust && isCovered(step.path)) distrust = undefined;
    if (distrust?.isWarning) warnings.push(distrust);
    judged(distrust?.isWarning ? undefined : distrust, step);
  });
  judged(distrustMounts(way, viewer, isCovered));
  return { ...way, warnings };
}

/** Whether a path, without symbolic links above its last name, is one that the user trusts, or a directory above one. */
export function coveredBy(trust: Trust): (path: string) => boolean {
  // Looked up at the first question, which is rare.
  let covered: ReadonlySet<string> | undefined;
  return path => {
    covered ??= new Set(trust.paths.flatMap(trusted => unlessRefused(() => pathsOnTheWay(trusted), [])));
    return covered.has(path);
  };
}

function pathsOnTheWay(path: string): string[] {
  const { steps, lastDirectory, missing } = walk(path);
  const missingPaths = missing.map((_, last) => join(lastDirectory.path, ...missing.slice(0, last + 1)));
  return [...steps.map(step => step.path), ...missingPaths];
}

/** @param stat - by lstat(2), of a path without symbolic links above its last name */
export function distrustStateDirectory(path: string, stat: BigIntStats, trust: Trust): Distrust | undefined {
  if (!stat.isDirectory()) {
    return {
      path,
      what: `it is ${stat.isSymbolicLink() ? 'a symbolic link' : 'not a directory'}`,
      advice: 'move it out of the way if you know what it is for, or use another base directory',
    };
  }
  const distrust = distrustDirectory(path, stat, trust);
  return distrust && coveredBy(trust)(path) ? undefined : distrust;
}

function distrustDirectory(path: string, stat: BigIntStats, trust: Trust): Distrust | undefined {
  const us = process.geteuid?.() ?? 0;
  const [owner, mode] = [Number(stat.uid), Number(stat.mode)];
  if (owner !== us && owner !== 0)
    return {
      path,
      what: `it belongs to ${describeUser(owner)}, not to ${describeUser(us)}`,
      advice:
        us === 0
          ? 'sweep it as that user, or for all users of ROOT/UID/deferred with --all-users ROOT'
          : `give each user a base directory of its own, such as ${join(dirname(path), String(us))} with mode 0700`,
    };
  const bits = trust.groups.includes(Number(stat.gid)) ? OTHERS_WRITE : OTHERS_WRITE | GROUP_WRITE;
  if ((mode & bits) === 0) return undefined;
  return {
    path,
    what: `others can write to it (${describeMode({ mode })})`,
    advice: `make it private (chmod 0700 ${path})`,
  };
}

/** True if root, this user, or the owner of `/` owns a step, so that no other user can have put it there. */
export function isOurs({ stat, parent }: Step, { uid, rootUid }: Viewer): boolean {
  if (stat.uid === 0 || stat.uid === uid) return true;
  // A user namespace may show root and all unmapped users as one. Any of those can make a directory in `/tmp`.
  const isShared = parent !== undefined && (parent.stat.mode & (OTHERS_WRITE | GROUP_WRITE)) !== 0;
  return stat.uid === rootUid && !isShared;
}

function distrustOwner(step: Step, viewer: Viewer): Distrust | undefined {
  if (isOurs(step, viewer)) return undefined;
  const { path, stat } = step;
  const owner = describeUser(stat.uid);
  const us = describeUser(viewer.uid);
  const forAll = viewer.uid === 0 ? ', or --all-users ROOT, which sweeps ROOT/UID/deferred as its user' : '';
  return {
    path,
    what: `${path}, on the way to it, ${stat.isSymbolicLink() ? 'is a symbolic link of' : 'belongs to'} ${owner}, not to ${us}`,
    advice: `use a directory below those of ${us}${forAll}; only if ${owner} may run code as ${us}, ${trustAdvice(path)}`,
  };
}

function distrustMode(step: Step, viewer: Viewer): Distrust | undefined {
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
  // The private group of one user, as useradd(8) makes it.
  if (viewer.uid !== 0 && stat.gid === viewer.gid && stat.gid === viewer.uid) return undefined;
  const group = describeGroup(stat.gid);
  return {
    path,
    what: `the group ${group} can replace what is in ${path}, on the way to it (${describeMode(stat)})`,
    advice: `take that away (chmod g-w ${path}) or make it sticky (chmod +t ${path}); only if the whole group may run code as you, trust it (trustedGroups, --trust-group ${stat.gid})`,
    isWarning: viewer.uid !== 0,
  };
}
