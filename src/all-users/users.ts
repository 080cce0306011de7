/** For which users root starts a sweep, and why not for others. Reads names and numbers only; opens nothing of a user's. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { describeMode } from '../trust/trust.ts';

/** A directory of ROOT that has a user's number for its name. */
export interface UserDirectory {
  readonly uid: number;
  /** ROOT/<uid>. */
  readonly base: string;
  /** Why it is not swept; undefined where it is. */
  readonly not: { readonly outcome: 'skipped' | 'refused'; readonly reason: string } | undefined;
}

const NOBODY = 65_534;

/** Numbers of this machine, by its files; where one is missing, what is usual. */
function readUserNumbers() {
  const definitions = read('/etc/login.defs');
  const defined = (name: string, usual: number): number =>
    Number(new RegExp(`^\\s*${name}\\s+(\\d+)`, 'm').exec(definitions)?.[1] ?? usual);
  return {
    /** Those of ordinary users: login.defs(5). */
    ordinary: { first: defined('UID_MIN', 1000), last: defined('UID_MAX', 60_000) },
    /** Those of containers: subuid(5). */
    subordinate: ranges('/etc/subuid', /^[^:\n]*:(\d+):(\d+)(?:$|:)/gm),
    /** Those that exist here: user_namespaces(7). */
    mapped: ranges('/proc/self/uid_map', /^ *(\d+) +\d+ +(\d+) *$/gm),
  };
}

/** From one number to another, both included. */
type Range = Readonly<Record<'first' | 'last', number>>;

/** @param lines - those with the first number of a range, and how many there are */
function ranges(path: string, lines: RegExp): Range[] {
  return Array.from(read(path).matchAll(lines), ([, first, count]) => ({
    first: Number(first),
    last: Number(first) + Number(count) - 1,
  }));
}

function read(path: string): string {
  return unlessRefused(() => readFileSync(path, 'utf8'), '');
}

/** The users' directories of `root`, which the caller has checked. @throws Error of Node's shape if it cannot be listed */
export function listUsers(root: string, only: readonly number[] | undefined): UserDirectory[] {
  const found = readdirSync(root)
    .filter(name => /^(0|[1-9]\d{0,9})$/.test(name))
    .map(Number);
  const numbers = readUserNumbers();
  return [...new Set(only ?? found)].map(uid => {
    const base = join(root, String(uid));
    const skipped = whySkipped(uid, numbers, only !== undefined);
    if (skipped !== undefined) return { uid, base, not: { outcome: 'skipped', reason: skipped } };
    const refused = whyRefused(base, uid);
    return { uid, base, not: refused === undefined ? refused : { outcome: 'refused', reason: refused } };
  });
}

function whySkipped(
  uid: number,
  { ordinary, subordinate, mapped }: ReturnType<typeof readUserNumbers>,
  isNamed: boolean,
): string | undefined {
  if (uid === 0) return 'it is root';
  if (uid === NOBODY) return 'it is the number of all users without one';
  if (mapped.length > 0 && !isIn(mapped, uid)) return 'it is not mapped in this user namespace';
  // Mostly numbers of services and containers. A user of SSSD or Active Directory may have one, too: then root names it.
  if (isNamed) return undefined;
  if (isIn(subordinate, uid)) return 'it is a subordinate number, of a container';
  if (!isIn([ordinary], uid)) return `it is not in UID_MIN..UID_MAX (${ordinary.first}..${ordinary.last})`;
  return undefined;
}

function isIn(ranges: readonly Range[], uid: number): boolean {
  return ranges.some(({ first, last }) => uid >= first && uid <= last);
}

function whyRefused(base: string, uid: number): string | undefined {
  try {
    const stat = lstatSync(base);
    if (stat.isSymbolicLink()) return 'it is a symbolic link';
    if (!stat.isDirectory()) return 'it is not a directory';
    if (stat.uid !== uid) return `it belongs to uid ${stat.uid}`;
    if ((stat.mode & 0o7777) !== 0o700) return `it has ${describeMode(stat)}, not 0700`;
    return undefined;
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return `it cannot be looked at (${systemErrorCode(error)})`;
  }
}
