/** The way to a path: every directory and symbolic link that the kernel goes through, from `/` down. */
import { lstatSync, readlinkSync, type Stats, statfsSync, statSync } from 'node:fs';
import { dirname, isAbsolute, join, sep } from 'node:path';
import { DeferredSweepError, unlessRefused } from '../errors.ts';

/** A directory or link on the way, or its end. */
export interface Step {
  /** Absolute, and without a symbolic link above its last name. */
  readonly path: string;
  /** The result of lstat(2). */
  readonly stat: Stats;
  /** The directory that has its name; undefined for `/`. */
  readonly parent: Step | undefined;
}

export interface Way {
  /** In order; `/` is the first. */
  readonly steps: readonly Step[];
  /** Undefined if it does not exist. */
  readonly end: Step | undefined;
  /** Of those that exist. */
  readonly lastDirectory: Step;
  /** The names behind it. */
  readonly missing: readonly string[];
  /** With the missing names. */
  readonly resolved: string;
}

/** More links are a loop: path_resolution(7). */
const MAX_LINKS = 40;
/** Super block magic number of procfs, see statfs(2), and the inode number of its top. */
const PROC_MAGIC = 0x9fa0;
const PROC_TOP = 1;

/**
 * Walks to an absolute path and returns every step. Each name is looked up below steps that were visited before, so
 * {@link Step.path} never follows a link.
 * @param visit - called with each step before a name is looked up in it or behind it; if it throws, the walk ends
 * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY` for links in a loop, and for links of `/proc/PID`, which lead
 * elsewhere than their text says: a bind mount of another namespace, say
 * @throws Error of Node's shape if a step cannot be looked at, or is a file (ENOTDIR)
 */
export function walk(path: string, visit: (step: Step) => void = () => {}): Way {
  const root: Step = { path: sep, stat: lstatSync(sep), parent: undefined };
  const steps = [root];
  visit(root);
  const names = namesOf(path);
  let missing: string[] = [];
  let links = 0;
  let current = root;
  for (let name = names.shift(); name !== undefined; name = names.shift()) {
    if (name === '..') {
      current = current.parent ?? root;
      continue;
    }
    const step = lookUp(current, name);
    if (!step) {
      missing = [name, ...names];
      break;
    }
    steps.push(step);
    visit(step);
    if (!step.stat.isSymbolicLink()) {
      current = step;
      continue;
    }
    if (++links > MAX_LINKS) throw unsafe(path, `the way to it has more than ${MAX_LINKS} symbolic links`);
    if (isKernelLink(step)) {
      throw unsafe(path, `it goes through ${step.path}, a link that leads elsewhere than its text says`);
    }
    const target = unlessRefused(() => readlinkSync(step.path), undefined, 'EINVAL', 'ENOENT');
    if (target === undefined) {
      // It is no link any more. Its owner could replace it without end, so it counts as a link, too.
      steps.pop();
      names.unshift(name);
      continue;
    }
    names.unshift(...namesOf(target));
    if (isAbsolute(target)) current = root;
    // Through such a link, directories would be made where a disk is not mounted.
    if (!statSync(step.path, { throwIfNoEntry: false }))
      throw unsafe(
        path,
        `${step.path === path ? 'it' : step.path} is a link to ${target}, which does not exist`,
      );
  }
  return {
    steps,
    end: missing.length === 0 ? current : undefined,
    lastDirectory: current.stat.isDirectory() ? current : (current.parent ?? root),
    missing,
    resolved: join(current.path, ...missing),
  };
}

function namesOf(path: string): string[] {
  return path.split(sep).filter(name => name !== '' && name !== '.');
}

function lookUp(parent: Step, name: string): Step | undefined {
  const path = join(parent.path, name);
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat && { path, stat, parent };
}

/** Links at the top of procfs (`self`) are ordinary ones; those below are jumps within the kernel. */
function isKernelLink({ path }: Step): boolean {
  if (process.platform !== 'linux') return false;
  const directory = dirname(path);
  return statfsSync(directory).type === PROC_MAGIC && lstatSync(directory).ino !== PROC_TOP;
}

function unsafe(path: string, why: string): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_UNSAFE_DIRECTORY',
    `cannot use ${path}: ${why}; name the directory itself`,
    { path },
  );
}
