/**
 * Whose files are believed. State files name code to run, so nothing is read from a place where somebody else could
 * have put it: `design.md` §7.
 */
import { lstatSync, type Stats } from 'node:fs';
import { DeferredSweepError } from '../errors.ts';

const WRITABLE_BY_OTHERS = 0o022;

/**
 * Returns when `path` is a directory of ours (or of root) that nobody else can write to.
 * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY` when it is not; the system's error when it cannot be looked at.
 */
export function checkDirectory(path: string): void {
  const stat = lstatSync(path);
  const distrust = !stat.isDirectory()
    ? 'it is not a directory (symbolic links are not followed)'
    : (distrustOwner(stat, [0]) ?? distrustMode(stat));
  if (distrust === undefined) return;
  throw new DeferredSweepError(
    'DEFERRED_UNSAFE_DIRECTORY',
    `cannot use the state directory ${path}: ${distrust}; remove it or give it to this user with mode 0700`,
    { path },
  );
}

/** Says why an open file is not to be believed, or returns undefined when it is a regular, singly linked file of ours. */
export function distrustFile(stat: Stats): string | undefined {
  if (!stat.isFile()) return 'it is not a regular file';
  if (stat.nlink > 1) return `it has ${stat.nlink} hard links`;
  return distrustOwner(stat, []) ?? distrustMode(stat);
}

function distrustOwner(stat: Stats, alsoTrusted: readonly number[]): string | undefined {
  const us = process.geteuid?.() ?? 0;
  if (stat.uid === us || alsoTrusted.includes(stat.uid)) return undefined;
  return `it belongs to uid ${stat.uid}, not to uid ${us}`;
}

function distrustMode(stat: Stats): string | undefined {
  if ((stat.mode & WRITABLE_BY_OTHERS) === 0) return undefined;
  return `others can write to it (mode 0${(stat.mode & 0o7777).toString(8)})`;
}
