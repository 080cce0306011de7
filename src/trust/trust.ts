/**
 * Which files are trusted. State files name code to run, so no file is read that another user could have put there:
 * `docs/security.md`.
 */
import type { BigIntStats, Stats } from 'node:fs';
import { resolve } from 'node:path';
import { DeferredSweepError, isSystemError } from '../errors.ts';
import { shownList } from '../printable.ts';
import { describeUser } from './user-name.ts';

/** What is trusted besides root, this user, and the owner of `/`. */
export interface Trust {
  /** Absolute paths. Their owner and mode, and those of directories above them, do not matter. */
  readonly paths: readonly string[];
  /** Ids of groups whose members may do what the group bits allow. */
  readonly groups: readonly number[];
}

export const NOTHING_MORE: Trust = { paths: [], groups: [] };

export interface Viewer {
  readonly uid: number;
  readonly gid: number;
  /** The owner of `/`: a user namespace may show root as another user. */
  readonly rootUid: number;
  readonly trust: Trust;
}

/** A reason not to trust a step of the way. */
export interface Distrust {
  /** The directory or link concerned. */
  readonly path: string;
  /** What is wrong, with path and owner. */
  readonly what: string;
  readonly advice: string;
  /** True: a warning, not a refusal. */
  readonly isWarning?: boolean;
}

export const STICKY = 0o1000;
export const GROUP_WRITE = 0o020;
export const OTHERS_WRITE = 0o002;
const GROUP_BITS = 0o070;
const OTHERS_BITS = 0o007;

/** @throws TypeError, RangeError naming the option that is wrong */
export function resolveTrust(
  trustedPaths: readonly string[] = [],
  trustedGroups: readonly number[] = [],
): Trust {
  if (!Array.isArray(trustedPaths) || !trustedPaths.every(isPath)) {
    const got = shownList(trustedPaths, isPath);
    throw new TypeError(`option "trustedPaths" must be an array of paths, got ${got}`);
  }
  if (!Array.isArray(trustedGroups) || !trustedGroups.every(isGid)) {
    const got = shownList(trustedGroups, isGid);
    throw new RangeError(`option "trustedGroups" must be an array of group ids, got ${got}`);
  }
  return { paths: trustedPaths.map(path => resolve(path)), groups: [...trustedGroups] };
}

function isPath(path: unknown): boolean {
  return typeof path === 'string' && path !== '';
}

function isGid(gid: unknown): boolean {
  return Number.isSafeInteger(gid) && (gid as number) >= 0;
}

const NO_FILE = 'it is not a regular file';
/** ELOOP: a symbolic link, by O_NOFOLLOW. ENXIO: a socket, or a device without a driver. EISDIR: a directory. */
const NO_FILE_CODES = ['ELOOP', 'ENXIO', 'EISDIR'] as const;

/** Why an open file is untrusted. Undefined for a regular file of this user with one link. */
export function distrustFile(stat: Stats | BigIntStats, trust: Trust = NOTHING_MORE): string | undefined {
  if (!stat.isFile()) return NO_FILE;
  if (stat.nlink > 1) return `it has ${stat.nlink} hard links`;
  const us = process.geteuid?.() ?? 0;
  const uid = Number(stat.uid);
  if (uid !== us) return `it belongs to ${describeUser(uid)}, not to ${describeUser(us)}`;
  // A user who can read the file can keep it locked.
  const bits = trust.groups.includes(Number(stat.gid)) ? OTHERS_BITS : OTHERS_BITS | GROUP_BITS;
  const mode = Number(stat.mode);
  return mode & bits ? `others can read or write it (${describeMode({ mode })})` : undefined;
}

/** Never advises to remove the file, which may be its owner's pending work. @param why - of {@link distrustFile} */
export function unsafeFile(path: string, why: string): DeferredSweepError {
  const message = `will not read ${path}: ${why}; find out who put it there`;
  return new DeferredSweepError('DEFERRED_UNSAFE_FILE', message, { path });
}

/** What kept a state file from being opened: the refusal of what is none, else the error itself. */
export function notOpened(path: string, error: unknown): unknown {
  return isSystemError(error, ...NO_FILE_CODES) ? unsafeFile(path, NO_FILE) : error;
}

/** `mode 0755`, as for chmod(1). */
export function describeMode({ mode }: Pick<Stats, 'mode'>): string {
  return `mode 0${(mode & 0o7777).toString(8).padStart(3, '0')}`;
}

export function trustAdvice(path: string): string {
  return `trust it (trustedPaths, --trust ${path})`;
}
