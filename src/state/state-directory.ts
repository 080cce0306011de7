import { type BigIntStats, lstatSync, readdirSync, rmdirSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { DeferredSweepError, systemErrorCode, unlessRefused } from '../errors.ts';
import { inodeKey } from '../lock/held-file.ts';
import { shown } from '../printable.ts';
import { type Distrust, NOTHING_MORE, type Trust } from '../trust/trust.ts';
import { distrustStateDirectory, walkJudged } from '../trust/trusted-path.ts';
import type { Way } from '../trust/way.ts';
import { stateIo, syncDirectory } from './file-io.ts';
import { grantOwner, makeDirectory, removeEmpty } from './make-directory.ts';
import { DEAD_STEM, isMovedDeadLetter, isStateFileName, STATE_DIR_STEM } from './names.ts';

/** Races in a row with cleanups that remove the directory: two that clean up all the time may win a hundred, not so many. */
const MAX_RACES = 2000;

/** The entries that count. */
export interface Listing {
  /** Names of state files, finished and unfinished, oldest first. */
  readonly stateFiles: readonly string[];
  /** Names of dead letters that were moved up. They are neither run nor removed. */
  readonly movedDeadLetters: readonly string[];
}

export interface StateDirectoryOptions {
  /** @defaultValue only root, this user, and the owner of `/` */
  readonly trust?: Trust;
  /** Gets each warning once in a process: of what is allowed but may not be meant. */
  readonly warn?: (message: string) => void;
}

const warnedOf = new Set<string>();

/** The directory of all state files of a node: `<stateDirBase>/deferred`. */
export class StateDirectory {
  /** Absolute, so that a later chdir(2) of the job changes nothing. */
  readonly path: string;
  readonly trust: Trust;
  readonly #base: string;
  readonly #warn: (message: string) => void;
  /** The topmost directory that {@link ensure} made, or this one. */
  #topmostMade: string;
  /** The inode at the end of the last trusted way. */
  #checked: string | undefined;

  constructor(stateDirBase: string, { trust = NOTHING_MORE, warn = () => {} }: StateDirectoryOptions = {}) {
    // An empty one, of an unset variable, say, would be the working directory; half of a surrogate pair becomes U+FFFD.
    if (typeof stateDirBase !== 'string' || stateDirBase === '' || !stateDirBase.isWellFormed())
      throw new TypeError(`"stateDirBase" must be the path of a directory, got ${shown(stateDirBase)}`);
    this.#base = resolve(stateDirBase);
    this.path = join(this.#base, STATE_DIR_STEM);
    this.trust = trust;
    this.#warn = warn;
    this.#topmostMade = this.path;
  }

  get deadPath(): string {
    return join(this.path, DEAD_STEM);
  }

  /** As {@link ensure}, for the directory of dead letters. */
  ensureDead(): void {
    this.ensure();
    if (!makeDirectory(this.deadPath)) grantOwner(this.deadPath);
  }

  pathOf(name: string): string {
    return `${this.path}/${name}`;
  }

  /**
   * Makes the directory, and missing ones above it. Walks the way to it, unless the way ended at the same inode before.
   * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY`; the system's error when it cannot be made
   */
  ensure(): void {
    if (this.isUnchanged()) return;
    for (let race = 0; race < MAX_RACES; race++) {
      const way = this.#walk();
      const made: string[] = [];
      try {
        if (this.#make(way, made) && this.#checkEnd(way)) return;
      } catch (error) {
        // An unused directory must not be in the way of others. If one is in use, rmdir(2) refuses.
        for (const path of made.reverse()) unlessRefused(() => rmdirSync(path), undefined);
        throw error;
      }
    }
    throw this.#isChased('make');
  }

  /** True if the directory is the one that was checked last, and still trusted: only trusted users put files there. */
  isUnchanged(): boolean {
    const stat = statOf(this.path);
    if (!stat || this.#checked === undefined || inodeKey(stat) !== this.#checked) return false;
    return this.#distrust(stat) === undefined;
  }

  /**
   * Makes durable the names in the directory, its own (its maker may not have come to that), and those of directories above
   * that this process made: after a machine crash a file is found only if every directory above it is.
   */
  sync(): void {
    syncDirectory(this.path);
    for (let path = this.path; path.length >= this.#topmostMade.length; path = dirname(path)) {
      // EACCES: this process may not read the parent, so a user with more rights made the directory in it before.
      unlessRefused(() => syncDirectory(dirname(path)), undefined, 'EACCES');
    }
    this.#topmostMade = this.path;
  }

  /**
   * Lists the directory, after a walk as {@link ensure} does it. Empty if there is none: a cleanup may just have removed it.
   * @throws DeferredSweepError `DEFERRED_UNSAFE_DIRECTORY`; `DEFERRED_STATE_IO` when it cannot be read.
   */
  look(): Listing {
    const names = stateIo(`read ${this.path}`, this.path, () =>
      unlessRefused(() => this.#names(), [], 'ENOENT'),
    );
    return { stateFiles: names.filter(isStateFileName), movedDeadLetters: names.filter(isMovedDeadLetter) };
  }

  /** Removes the directory, with the one for dead letters. True if it is gone. */
  removeIfEmpty(): boolean {
    return [this.deadPath, this.path].every(path => stateIo(`remove ${path}`, path, () => removeEmpty(path)));
  }

  #names(): string[] {
    for (let race = 0; race < MAX_RACES; race++) {
      if (this.isUnchanged() || this.#checkEnd(this.#walk())) return readdirSync(this.path).sort();
      if (!statOf(this.path)) return [];
    }
    throw this.#isChased('read');
  }

  #isChased(what: string): DeferredSweepError {
    const message = `cannot ${what} ${this.path}: it was removed ${MAX_RACES} times meanwhile; see what deletes directories there`;
    return new DeferredSweepError('DEFERRED_STATE_IO', message, { path: this.path });
  }

  /** Throws unless only trusted users can change the way. */
  #walk(path = this.#base): Way {
    const way = walkJudged(path, this.trust, distrust => this.#assertTrusted(distrust));
    for (const { what, advice } of way.warnings) {
      const message = `deferred-sweep: ${this.path} is not safe from other users: ${what}; ${advice}`;
      if (!warnedOf.has(message)) this.#warn(message);
      warnedOf.add(message);
    }
    return way;
  }

  /** False if another process made a directory first, or removed one of the way. @param made - gets each path made here */
  #make({ lastDirectory, missing, resolved }: Way, made: string[]): boolean {
    let path = missing.length > 0 ? lastDirectory.path : resolved;
    const topmost = join(this.path, ...missing.map(() => '..'));
    for (const name of [...missing, STATE_DIR_STEM]) {
      path = join(path, name);
      try {
        if (makeDirectory(path)) {
          made.push(path);
          if (topmost.length < this.#topmostMade.length) this.#topmostMade = topmost;
        } else if (path !== join(resolved, STATE_DIR_STEM)) return false;
      } catch (error) {
        // procfs answers ENOENT, too, although the parent is there: it makes no directories.
        if (systemErrorCode(error) === 'ENOENT' && !statOf(dirname(path))) return false;
        stateIo(`make the directory ${path}`, path, () => {
          throw error;
        });
      }
    }
    return true;
  }

  /** Remembers the directory at the end of a way as trusted, or throws. False if it is missing, or was made anew meanwhile. */
  #checkEnd(way: Way): boolean {
    const path = join(way.resolved, STATE_DIR_STEM);
    const stat = statOf(path);
    if (!stat) return false;
    this.#assertTrusted(this.#distrust(stat));
    // Another file system may be mounted right here, and may claim any owner.
    if (Number(stat.dev) !== way.lastDirectory.stat.dev) this.#walk(path);
    const named = path === this.path ? stat : statOf(this.path);
    if (!named) return false;
    if (inodeKey(named) !== inodeKey(stat)) {
      // A cleanup may have removed it between the two looks, and a worker have made it anew.
      const again = statOf(path);
      if (!again || inodeKey(again) !== inodeKey(stat)) return false;
      const what = `it is not what ${path} is, where its links lead`;
      this.#assertTrusted({ path, what, advice: 'name the directory itself' });
    }
    grantOwner(path);
    this.#checked = inodeKey(stat);
    return true;
  }

  #distrust(stat: BigIntStats): Distrust | undefined {
    return distrustStateDirectory(this.path, stat, this.trust);
  }

  #assertTrusted(distrust: Distrust | undefined): void {
    if (!distrust) return;
    const { path, what, advice } = distrust;
    const message = `cannot use the state directory ${this.path}: ${what}; ${advice}`;
    throw new DeferredSweepError('DEFERRED_UNSAFE_DIRECTORY', message, { path });
  }
}

function statOf(path: string): BigIntStats | undefined {
  return lstatSync(path, { bigint: true, throwIfNoEntry: false });
}
