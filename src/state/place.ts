/** Directories as headers name them: by path and inode. */
import { statSync } from 'node:fs';
import { systemErrorCode, unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';
import type { Place } from '../log/records.ts';

/** The working directory. Null if it was removed, or the system does not tell its name (macOS: EACCES). */
export function currentPlace(): Place | null {
  return unlessRefused(() => placeOf(process.cwd()), null);
}

/** @throws Error of Node's shape if there is no such directory */
export function placeOf(path: string): Place {
  const stat = statSync(path, { bigint: true });
  return { path, inode: inodeKey(stat), uid: Number(stat.uid) };
}

/** The state of a place now. */
export type PlaceState = 'same' | 'gone' | 'replaced';

/** Compares the directory that the path names now with the one of registration, owner included. */
export function stateOf(place: Place | null): PlaceState {
  if (place === null) return 'gone';
  try {
    const now = placeOf(place.path);
    return now.inode === place.inode && now.uid === place.uid ? 'same' : 'replaced';
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return 'gone';
  }
}

/** Whether two places are one. */
export function isSamePlace(one: Place | null, other: Place | null): boolean {
  return one?.path === other?.path && one?.inode === other?.inode && one?.uid === other?.uid;
}

/** The working directory when this module was loaded: close to the one in which Node was started. */
export const startedIn: Place | null = currentPlace();
