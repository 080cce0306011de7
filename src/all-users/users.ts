/** For which users root starts a sweep, and why not for others. Reads names and numbers only; opens nothing of a user's. */
import { lstatSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { describeMode } from '../trust/trust.ts';

/** A directory of ROOT that has a user's number for its name. */
export interface UserDirectory {
  readonly uid: number;
  readonly path: string;
  /** Why it is not swept; absent where it is. */
  readonly not?: { readonly outcome: 'skipped' | 'refused'; readonly reason: string };
}

/** From one number to another, both included. */
export interface Range {
  readonly first: number;
  readonly last: number;
}

/** Which numbers are those of ordinary users of this machine. */
export interface UserNumbers {
  /** login.defs(5), UID_MIN and UID_MAX. */
  readonly ordinary: Range;
  /** subuid(5): those of containers. */
  readonly subordinate: readonly Range[];
  /** user_namespaces(7): those that exist here. */
  readonly mapped: readonly Range[];
}

const NOBODY = 65_534;

/** What this machine's files say; where one is missing, what is usual. */
export function readUserNumbers(): UserNumbers {
  const definitions = read('/etc/login.defs');
  return {
    ordinary: {
      first: definition(definitions, 'UID_MIN') ?? 1000,
      last: definition(definitions, 'UID_MAX') ?? 60_000,
    },
    subordinate: lines('/etc/subuid').flatMap(line => {
      const [, first = '', count = ''] = line.split(':');
      return range(first, count);
    }),
    mapped: lines('/proc/self/uid_map').flatMap(line => {
      const [first = '', , count = ''] = line.trim().split(/\s+/);
      return range(first, count);
    }),
  };
}

function definition(text: string, name: string): number | undefined {
  const [, value] = new RegExp(`^\\s*${name}\\s+(\\d+)`, 'm').exec(text) ?? [];
  return value === undefined ? undefined : Number(value);
}

function lines(path: string): string[] {
  return read(path)
    .split('\n')
    .filter(line => line !== '');
}

function read(path: string): string {
  return unlessRefused(() => readFileSync(path, 'utf8'), '');
}

function range(first: string, count: string): Range[] {
  return /^\d+$/.test(first) && /^\d+$/.test(count) && Number(count) > 0
    ? [{ first: Number(first), last: Number(first) + Number(count) - 1 }]
    : [];
}

/**
 * The users' directories of `root`, which the caller has checked. Other names are ignored.
 * @param only - the numbers to look for; undefined: all
 * @throws Error of Node's shape if `root` cannot be listed
 */
export function listUsers(
  root: string,
  numbers: UserNumbers,
  only: readonly number[] | undefined,
): UserDirectory[] {
  const found = readdirSync(root)
    .filter(name => /^(0|[1-9]\d{0,9})$/.test(name))
    .map(Number);
  const wanted = only === undefined ? found : [...new Set(only)];
  return wanted.map(uid => look(join(root, String(uid)), uid, numbers, only !== undefined));
}

function look(path: string, uid: number, numbers: UserNumbers, isNamed: boolean): UserDirectory {
  const skipped = whyNobodys(uid, numbers) ?? (isNamed ? undefined : whyExtraordinary(uid, numbers));
  if (skipped !== undefined) return { uid, path, not: { outcome: 'skipped', reason: skipped } };
  const refused = whyRefused(path, uid);
  return refused === undefined ? { uid, path } : { uid, path, not: { outcome: 'refused', reason: refused } };
}

/** Numbers that root sweeps for in no case. */
function whyNobodys(uid: number, { mapped }: UserNumbers): string | undefined {
  if (uid === 0) return 'it is root';
  if (uid === NOBODY) return 'it is the number of all users without one';
  if (mapped.length > 0 && !isIn(mapped, uid)) return 'it is not mapped in this user namespace';
  return undefined;
}

/** Mostly numbers of services and containers. A user of SSSD or Active Directory may have one, too: then root names it. */
function whyExtraordinary(uid: number, { ordinary, subordinate }: UserNumbers): string | undefined {
  if (isIn(subordinate, uid)) return 'it is a subordinate number, of a container';
  if (!isIn([ordinary], uid)) return `it is not in UID_MIN..UID_MAX (${ordinary.first}..${ordinary.last})`;
  return undefined;
}

function isIn(ranges: readonly Range[], uid: number): boolean {
  return ranges.some(({ first, last }) => uid >= first && uid <= last);
}

function whyRefused(path: string, uid: number): string | undefined {
  try {
    const stat = lstatSync(path);
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
