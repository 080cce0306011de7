import { type BigIntStats, realpathSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { errorCode, systemErrorCode, unlessRefused } from '../errors.ts';
import { isOnOverlay } from '../lock/file-system.ts';
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

function asPlace(path: string, stat: BigIntStats): Place {
  const bornAtNs = birthOf(stat);
  const overlayBornAtNs = birthOfOverlay(path, stat);
  return {
    path,
    inode: inodeKey(stat),
    uid: Number(stat.uid),
    ...(bornAtNs !== undefined && { bornAtNs }),
    ...(overlayBornAtNs !== undefined && { overlayBornAtNs }),
  };
}

export type PlaceState = 'same' | 'gone' | 'replaced';

/** Compares the directory that the path names now with the one of registration, owner included. */
export function stateOf(place: Place | null): PlaceState {
  if (place === null) return 'gone';
  return unlessRefused(() => (isSameDirectory(place, placeOf(place.path)) ? 'same' : 'replaced'), 'gone');
}

/** Whether this process is in the place, by the same path. */
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

function isSameDirectory(one: Place, other: Place): boolean {
  return (
    one.inode === other.inode &&
    one.uid === other.uid &&
    // Two containers of one image may have the same numbers, one after the other.
    mayBeEqual(one.overlayBornAtNs, other.overlayBornAtNs) &&
    (mayBeEqual(one.bornAtNs, other.bornAtNs) || isOfLowerLayer(one) || isOfLowerLayer(other))
  );
}

/** Not every file system, nor every version of this package, tells births. */
function mayBeEqual(one: string | undefined, other: string | undefined): boolean {
  return one === undefined || other === undefined || one === other;
}

/**
 * True for a directory older than the overlay it is on. At the first write there overlayfs copies it to the upper layer, and from then on
 * tells the birth of the copy. The lower layer keeps its inode number: no other directory gets that.
 */
function isOfLowerLayer({ bornAtNs, overlayBornAtNs }: Place): boolean {
  return overlayBornAtNs !== undefined && Number(bornAtNs) <= Number(overlayBornAtNs);
}

function birthOf({ birthtimeNs }: BigIntStats): string | undefined {
  return birthtimeNs > 0n && tellsBirths() ? `${birthtimeNs}` : undefined;
}

/** Of the file system that was asked last. */
let lastAsked: { readonly dev: bigint; readonly bornAtNs: string | undefined } | undefined;

/** When the overlay of a directory was made: the birth of its top, which is of the upper layer. */
function birthOfOverlay(path: string, { dev }: BigIntStats): string | undefined {
  if (lastAsked?.dev !== dev) lastAsked = { dev, bornAtNs: birthOfTop(path) };
  return lastAsked.bornAtNs;
}

/** Undefined on all file systems but overlayfs, and where this process may not look. */
function birthOfTop(path: string): string | undefined {
  try {
    if (!isOnOverlay(path)) return undefined;
    let top = realpathSync(path);
    const { dev } = statSync(top);
    while (top !== '/' && statSync(dirname(top)).dev === dev) top = dirname(top);
    return birthOf(statSync(top, { bigint: true }));
  } catch (error) {
    // Node's permission model refuses what is above the directory.
    if (systemErrorCode(error) === undefined && errorCode(error) !== 'ERR_ACCESS_DENIED') throw error;
    return undefined;
  }
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
