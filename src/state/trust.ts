/**
 * Whose files are believed. State files name code to run, so nothing is read from a place where another user could have
 * put it: `docs/security.md`.
 */
import type { Stats } from 'node:fs';
import { resolve } from 'node:path';
import { DeferredSweepError } from '../errors.ts';
import { describeUser } from './user-name.ts';

/** What is trusted beside root, the user we are, and the owner of `/`. */
export interface Trust {
  /** Absolute. Owner and mode of these, and of all on the way to them, do not matter. */
  readonly paths: readonly string[];
  /** Ids of groups whose members may do what their group's bits say. */
  readonly groups: readonly number[];
}

export const NOTHING_MORE: Trust = { paths: [], groups: [] };

/** What is trusted in the eyes of one process. */
export interface Viewer {
  readonly uid: number;
  readonly gid: number;
  /** The owner of `/`: a user namespace may show root as another user. */
  readonly rootUid: number;
  readonly trust: Trust;
}

/** One thing on the way that is not as it should be. */
export interface Distrust {
  /** The directory or link concerned. */
  readonly path: string;
  /** Names the path, and whose it is. */
  readonly what: string;
  /** What to do about it; safe to follow. */
  readonly advice: string;
  /** It is told, and not forbidden. */
  readonly isWarning?: boolean;
}

export const STICKY = 0o1000;
export const GROUP_WRITE = 0o020;
export const OTHERS_WRITE = 0o002;
const GROUP_BITS = 0o070;
const OTHERS_BITS = 0o007;

/**
 * Checks the options of the same names.
 * @throws TypeError, RangeError naming the option
 */
export function resolveTrust(
  trustedPaths: readonly string[] = [],
  trustedGroups: readonly number[] = [],
): Trust {
  if (!Array.isArray(trustedPaths) || !trustedPaths.every(path => typeof path === 'string' && path !== '')) {
    throw new TypeError('option "trustedPaths" must be an array of paths');
  }
  if (!Array.isArray(trustedGroups) || !trustedGroups.every(gid => Number.isSafeInteger(gid) && gid >= 0)) {
    throw new RangeError('option "trustedGroups" must be an array of group ids');
  }
  return { paths: trustedPaths.map(path => resolve(path)), groups: [...trustedGroups] };
}

/** Says why an open file is not to be believed, or returns undefined when it is a regular, singly linked file of ours. */
export function distrustFile(stat: Stats, trust: Trust = NOTHING_MORE): string | undefined {
  if (!stat.isFile()) return 'it is not a regular file';
  if (stat.nlink > 1) return `it has ${stat.nlink} hard links`;
  const us = process.geteuid?.() ?? 0;
  if (stat.uid !== us) return `it belongs to ${describeUser(stat.uid)}, not to ${describeUser(us)}`;
  // Reading is enough to lock it and to keep it locked.
  const bits = trust.groups.includes(stat.gid) ? OTHERS_BITS : OTHERS_BITS | GROUP_BITS;
  return stat.mode & bits ? `others can read or write it (${describeMode(stat)})` : undefined;
}

/**
 * The refusal of one state file. Its advice is never to remove it: it may be the pending work of its owner.
 * @param why - as {@link distrustFile} says it
 */
export function unsafeFile(path: string, why: string, cause?: unknown): DeferredSweepError {
  return new DeferredSweepError(
    'DEFERRED_UNSAFE_FILE',
    `will not read ${path}: ${why}; find out who put it there`,
    { path, ...(cause !== undefined && { cause }) },
  );
}

/** `mode 0755`, as chmod(1) takes it. */
export function describeMode({ mode }: Pick<Stats, 'mode'>): string {
  return `mode 0${(mode & 0o7777).toString(8).padStart(3, '0')}`;
}

/** How to trust a path, for advice. */
export function trustAdvice(path: string): string {
  return `trust it (trustedPaths, --trust ${path})`;
}
