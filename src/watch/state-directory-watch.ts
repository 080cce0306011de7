/**
 * Tells which state files of one directory to look at, and when to look at all of them: the directory may appear, vanish
 * or be replaced, and so may each one above it.
 *
 * Watched are, from `/` down: that each directory still has its name; in the last one that is there, what comes into it;
 * in the state directory, the closing of files. Each is watched before the next is looked for, so that none comes unseen
 * between the two. Links are followed; a link that is changed is noticed by {@link isTrue}.
 */
import { statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { MISSING, systemErrorCode, unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';
import { type DirectoryEvent, DirectoryWatch } from '../native/directory-watch.ts';
import { isStateFileName, isUnfinishedName } from '../state/names.ts';

export interface WakeUps {
  /** The last descriptor that could write to the file was closed. */
  closed(name: string): void;
  /** The file was moved here, by another than its owner. */
  movedIn(name: string): void;
  /** Events are missing, or are those of another directory: arm again, then look at everything. */
  stale(): void;
}

export class StateDirectoryWatch {
  readonly #path: string;
  readonly #wakeUps: WakeUps;
  #watch: DirectoryWatch | undefined;
  /** The entry that is missing on the way. */
  #awaited: string | undefined;
  #inode: string | undefined;

  /** @param path - of the state directory, absolute */
  constructor(path: string, wakeUps: WakeUps) {
    this.#path = path;
    this.#wakeUps = wakeUps;
  }

  /**
   * Watches what is there now. False if this system tells nothing of directories.
   * @throws Error of Node's shape: EMFILE, ENOSPC where the user has too many watches; EACCES
   */
  arm(): boolean {
    this.close();
    const watch = DirectoryWatch.open(events => this.#hear(events));
    if (watch === undefined) return false;
    this.#watch = watch;
    try {
      this.#walk(watch);
    } catch (error) {
      this.close();
      throw error;
    }
    this.#inode = inodeOf(this.#path);
    return true;
  }

  /** True if the path names the directory that it named when it was armed, or neither. */
  isTrue(): boolean {
    return inodeOf(this.#path) === this.#inode;
  }

  close(): void {
    this.#watch?.close();
    this.#watch = undefined;
    this.#awaited = undefined;
  }

  #walk(watch: DirectoryWatch): void {
    for (const directory of wayTo(this.#path)) {
      if (this.#isThere(watch, directory)) continue;
      // Its directory tells when it comes. It may have come before that was asked for.
      this.#awaited = directory;
      watch.add(dirname(directory), 'entries');
      if (!this.#isThere(watch, directory)) return;
      this.#awaited = undefined;
    }
  }

  /** Watches a directory of the way, if it is there. */
  #isThere(watch: DirectoryWatch, directory: string): boolean {
    const isLast = directory === this.#path;
    try {
      watch.add(directory, isLast ? 'closing' : 'end');
    } catch (error) {
      const code = systemErrorCode(error) ?? '';
      if (MISSING.includes(code)) return false;
      // A directory above that may not be read: what happens to it is noticed later.
      if (isLast || code !== 'EACCES') throw error;
    }
    return true;
  }

  #hear(events: readonly DirectoryEvent[]): void {
    for (const event of events) {
      if (event.kind === 'overflow' || event.kind === 'gone') this.#wakeUps.stale();
      else if (event.directory !== this.#path) {
        if (join(event.directory, event.name) === this.#awaited) this.#wakeUps.stale();
      } else if (!isStateFileName(event.name)) continue;
      else if (event.kind === 'closed') this.#wakeUps.closed(event.name);
      else if (event.kind === 'moved-in' && !isUnfinishedName(event.name)) this.#wakeUps.movedIn(event.name);
    }
  }
}

/** `/`, …, the directory above, the directory. */
function wayTo(path: string): string[] {
  const above = dirname(path);
  return above === path ? [path] : [...wayTo(above), path];
}

function inodeOf(path: string): string | undefined {
  return unlessRefused(() => {
    const stat = statSync(path, { bigint: true, throwIfNoEntry: false });
    return stat && inodeKey(stat);
  }, undefined);
}
