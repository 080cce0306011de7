/** The directory of all state files of a node: `<stateDirBase>/deferred`. */
import { mkdirSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { systemErrorCode } from '../errors.ts';
import { DEAD_STEM, isStateFileName, STATE_DIR_STEM } from './names.ts';
import { stateIo } from './state-io.ts';
import { syncDirectory } from './sync.ts';
import { checkDirectory } from './trust.ts';

export class StateDirectory {
  /** Absolute from the start, so that a later chdir(2) of the job changes nothing. */
  readonly path: string;
  /** The highest directory that {@link ensure} had to make, or this one. */
  #topmostMade: string;

  constructor(stateDirBase: string) {
    this.path = resolve(stateDirBase, STATE_DIR_STEM);
    this.#topmostMade = this.path;
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
    const made = mkdirSync(this.path, { recursive: true, mode: 0o700 });
    if (made !== undefined && made.length < this.#topmostMade.length) this.#topmostMade = made;
    checkDirectory(this.path);
  }

  /**
   * Makes the names in the directory durable, and its own: a file is found after a machine crash only if every directory
   * on the way to it is. Those above the base are synced if it was we who made them.
   */
  sync(): void {
    syncDirectory(this.path);
    for (let path = this.path; path.length >= this.#topmostMade.length; path = dirname(path)) {
      syncParent(dirname(path));
    }
    this.#topmostMade = this.path;
  }

  /**
   * Names of the state files, finished and unfinished, oldest first. Empty when there is no directory: a cleanup may
   * have removed it a moment ago.
   * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY`; `DEFERRED_STATE_IO` when it cannot be read.
   */
  list(): string[] {
    return stateIo(`read ${this.path}`, this.path, () => {
      try {
        checkDirectory(this.path);
        return readdirSync(this.path).filter(isStateFileName).sort();
      } catch (error) {
        if (systemErrorCode(error) === 'ENOENT') return [];
        throw error;
      }
    });
  }

  /**
   * Removes the directory, and the one for dead letters, if nothing is in them. Returns whether it is gone.
   * @throws DeferredSweepError `DEFERRED_STATE_IO`
   */
  removeIfEmpty(): boolean {
    return stateIo(
      `remove ${this.path}`,
      this.path,
      () => removeEmpty(this.deadPath) && removeEmpty(this.path),
    );
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

/** Always that of the state directory: whoever made it may not have come to sync it yet. */
function syncParent(path: string): void {
  try {
    syncDirectory(path);
  } catch (error) {
    // Not ours to read, so the directory in it is older than we are: somebody with more rights made it.
    if (systemErrorCode(error) !== 'EACCES') throw error;
  }
}
