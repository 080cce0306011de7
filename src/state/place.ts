/** Directories as headers name them: by path, inode, owner and birth. */
import { type BigIntStats, statSync } from 'node:fs';
import { unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';
import type { Place } from '../log/records.ts';

/**
 * The working directory itself: its name may be that of another one meanwhile. Null if it was removed, or the system does not
 * tell its name (macOS: EACCES).
 */
export function currentPlace(): Place | null {
  return unlessRefused(() => {
    const stat = statSync('.', { bigint: true });
    // A removed directory has no link. Node remembers its name.
    return stat.nlink > 0n ? asPlace(process.cwd(), stat) : null;
  }, null);
}

/** @throws Error of Node's shape if there is no such directory */
export function placeOf(path: string): Place {
  return asPlace(path, statSync(path, { bigint: true }));
}

/** A path, and what statSync told of it. */
function asPlace(path: string, stat: BigIntStats): Place {
  const bornAtNs = birthOf(stat);
  return { path, inode: inodeKey(stat), uid: Number(stat.uid), ...(bornAtNs !== undefined && { bornAtNs }) };
}

/** The state of a place now. */
export type PlaceState = 'same' | 'gone' | 'replaced';

/** Compares the directory that the path names now with the one of registration, owner included. */
export function stateOf(place: Place | null): PlaceState {
  if (place === null) return 'gone';
  return unlessRefused(() => (isSameDirectory(place, placeOf(place.path)) ? 'same' : 'replaced'), 'gone');
}

/** Whether this process is in the place, by its path. */
export function isHere(place: Place | null): boolean {
  return (
    place !== null &&
    unlessRefused(() => process.cwd(), undefined) === place.path &&
    stateOf(place) === 'same'
  );
}

/** Whether two places are one directory, by the same path. */
export function isSamePlace(one: Place | null, other: Place | null): boolean {
  if (one === null || other === null) return one === other;
  return one.path === other.path && isSameDirectory(one, other);
}

/** Whether two places are one directory. Their paths may differ. */
function isSameDirectory(one: Place, other: Place): boolean {
  const isSameBirth = one.bornAtNs === other.bornAtNs || !one.bornAtNs || !other.bornAtNs;
  return one.inode === other.inode && one.uid === other.uid && isSameBirth;
}

function birthOf({ birthtimeNs }: BigIntStats): string | undefined {
  return birthtimeNs > 0n && tellsBirths() ? `${birthtimeNs}` : undefined;
}

let tells: boolean | undefined;

/** Where statx(2) is missing or forbidden, libuv gives the time of the last change as that of birth, for all there is. */
function tellsBirths(): boolean {
  tells ??= ['/', '/etc', '/var'].some(path => {
    const stat = unlessRefused(() => statSync(path, { bigint: true }), undefined);
    return stat !== undefined && stat.birthtimeNs !== stat.ctimeNs;
  });
  return tells;
}

/** The working directory when this module was loaded: close to the one in which Node was started. */
export const startedIn: Place | null = currentPlace();
