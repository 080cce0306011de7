/** The directory of all state files of a node: `<stateDirBase>/deferred`. */
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { DEAD_STEM, isStateFileName, STATE_DIR_STEM } from './names.ts';
import { checkDirectory } from './trust.ts';

/** Cleanups that may remove the directory, in a row, just after it was made. */
const MAX_RACES = 1000;

export class StateDirectory {
  /** Absolute from the start, so that a later chdir(2) of the job changes nothing. */
  readonly path: string;

  constructor(stateDirBase: string) {
    this.path = resolve(stateDirBase, STATE_DIR_STEM);
  }

  /** Where dead letters lie. */
  get deadPath(): string {
    return join(this.path, DEAD_STEM);
  }

  pathOf(name: string): string {
    return join(this.path, name);
  }

  /**
   * Makes the directory, and those above it, where they are missing.
   * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY`
   */
  ensure(): void {
    for (let race = 1; ; race++) {
      try {
        mkdirSync(this.path, { recursive: true, mode: 0o700 });
        checkDirectory(this.path);
        return;
      } catch (error) {
        // A cleanup removed the empty directory between the two.
        if (systemErrorCode(error) !== 'ENOENT' || race === MAX_RACES) throw error;
      }
    }
  }

  /**
   * Names of the state files, finished and unfinished, oldest first. Empty when there is no directory: a cleanup may
   * have removed it a moment ago.
   * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY`; the system's error when it cannot be read.
   */
  list(): string[] {
    try {
      checkDirectory(this.path);
      return readdirSync(this.path).filter(isStateFileName).sort();
    } catch (error) {
      if (systemErrorCode(error) === 'ENOENT') return [];
      throw error;
    }
  }

  /** Removes the directory, and the one for dead letters, if nothing is in them. Returns whether it is gone. */
  removeIfEmpty(): boolean {
    return removeEmpty(this.deadPath) && removeEmpty(this.path);
  }
}

/** Somebody's file in it (ENOTEMPTY), or a creator who comes right after, is ordinary. */
function removeEmpty(path: string): boolean {
  try {
    rmdirSync(path);
    return true;
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === 'ENOENT') return true;
    if (code === 'ENOTEMPTY' || code === 'EEXIST') return false;
    throw error;
  }
}
