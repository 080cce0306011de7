/**
 * Who has a state file, told without a lock: a reader's lock would make sweepers skip the file. A lease tells whether it is
 * open for writing; the kernel's table of locks is believed when it names the file, and not when it does not: the table
 * comes in pages, and what moves between two of them is missed.
 */
import { type BigIntStats, readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename } from 'node:path';
import { unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';
import { epochMs } from '../log/clock.ts';
import type { StateContents } from '../log/contents.ts';
import { leaseState } from '../native/lease.ts';
import { listPids } from '../native/process-table.ts';
import { holderState } from '../sweep/holder.ts';
import type { Holder, ListedFile } from './listed-file.ts';

/** A claim this old was not handed over a moment ago. */
const HANDED_OVER_WITHIN_MS = 120_000;

/** The files that the kernel's table of locks names, as `major:minor:inode`. Empty where there is no such table. */
export function lockTable(): ReadonlySet<string> {
  const text = unlessRefused(() => readFileSync('/proc/locks', 'latin1'), '');
  const named = text.matchAll(/^\d+: (?:FLOCK|OFDLCK) +ADVISORY +WRITE +-?\d+ ([0-9a-f:]+:\d+) /gm);
  return new Set(Array.from(named, ([, name]) => name!));
}

/** @param fd - open for reading only */
export function livenessOf(
  fd: number,
  stat: BigIntStats,
  contents: StateContents,
  locks: ReadonlySet<string>,
): Pick<ListedFile, 'state' | 'knownBy'> {
  const held = () => holderState(contents.claim !== undefined, contents.header);
  if (locks.has(lockName(stat))) return { state: held(), knownBy: 'lock-table' };
  const lease = leaseState(fd);
  if (lease === 'held') return { state: held(), knownBy: 'lease' };
  // A sweeper keeps a claimed file open for reading; then it lets go, and its runner opens it a moment later.
  if (lease === 'unknown' || mayBeHandedOver(contents)) return { state: 'unknown', knownBy: 'nothing' };
  return { state: 'orphan', knownBy: 'lease' };
}

/** The files with the processes that keep the lock of a dead owner, as far as we may look into them. */
export function withHolders<T extends ListedFile>(files: readonly T[]): readonly T[] {
  const held = files.filter(({ state }) => state === 'held').map(({ path }) => path);
  if (held.length === 0) return files;
  const found = new Map<string, Holder[]>();
  // The holder may see another path to the file: by a link, a bind mount, the volume of a container.
  const byName = new Map(held.map(path => [basename(path), path]));
  for (const pid of listPids()) {
    const directory = `/proc/${pid}/fd`;
    const open = new Set<string>();
    for (const fd of unlessRefused(() => readdirSync(directory), [])) {
      const link = `${directory}/${fd}`;
      const path = byName.get(basename(unlessRefused(() => readlinkSync(link), '')));
      if (path !== undefined && areSame(link, path)) open.add(path);
    }
    for (const path of open) {
      const program = unlessRefused(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim(), '');
      found.set(path, [...(found.get(path) ?? []), { pid, program }]);
    }
  }
  return files.map(file => ({ ...file, holders: found.get(file.path) ?? [] }));
}

function areSame(path: string, other: string): boolean {
  const keyOf = (of: string): string => inodeKey(statSync(of, { bigint: true }));
  return unlessRefused(() => keyOf(path) === keyOf(other), false);
}

function mayBeHandedOver({ claim, isHandedOver }: StateContents): boolean {
  if (!claim || !isHandedOver) return false;
  const ageMs = epochMs() - claim.atEpochMs;
  if (ageMs < 0 || ageMs > HANDED_OVER_WITHIN_MS) return false;
  return claim.host !== hostname() || unlessRefused(() => process.kill(claim.pid, 0), false);
}

/** As /proc/locks names a file: proc_locks(5). */
function lockName(stat: BigIntStats): string {
  const dev = Number(stat.dev);
  const major = (Math.floor(dev / 2 ** 32) & 0xfffff000) | ((dev >> 8) & 0xfff);
  const minor = ((dev >> 12) & 0xffffff00) | (dev & 0xff);
  const hex = (part: number): string => part.toString(16).padStart(2, '0');
  return `${hex(major)}:${hex(minor)}:${BigInt.asUintN(64, stat.ino)}`;
}
