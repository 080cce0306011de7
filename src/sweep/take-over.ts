/**
 * How a sweeper gets hold of an orphan: `design.md` §3, Sweep. The order of the steps is the protocol.
 *
 * Racers: other sweepers doing the same; the owner, alive, in any state; a creator between open and lock.
 */
import { constants, fstatSync, openSync, unlinkSync } from 'node:fs';
import { DeferredSweepError, hasCode, systemErrorCode } from '../errors.ts';
import type { LockScheme } from '../lock/advisory-lock.ts';
import { closeDescriptor } from '../lock/close.ts';
import { inodeKey, namesLockedFile } from '../lock/held-file.ts';
import type { LockPatience } from '../lock/patience.ts';
import { assertLocksExclude } from '../lock/self-test.ts';
import { replay, type StateContents } from '../state/contents.ts';
import { isUnfinishedName } from '../state/names.ts';
import { readAll } from '../state/read-all.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import { distrustFile } from '../state/trust.ts';

/** What became of the attempt to take over a file. */
export type TakeOver =
  /** Its lock is held: the owner lives, or a runner of its functions does. */
  | { readonly kind: 'live' }
  /** Gone, or no longer what its name says: another sweeper or the owner was faster. */
  | { readonly kind: 'vanished' }
  /** Met before in this sweep. */
  | { readonly kind: 'seen' }
  /** The leftover of a dead creator: removed. */
  | { readonly kind: 'unfinished' }
  | { readonly kind: 'refused'; readonly error: DeferredSweepError }
  /** Ours to run: locked by `fd`. */
  | Orphan;

/** A state file whose owner is gone, locked by us. */
export interface Orphan {
  readonly kind: 'orphan';
  readonly path: string;
  readonly fd: number;
  readonly inode: string;
  readonly bytes: Buffer;
  readonly contents: StateContents;
}

/** O_NONBLOCK: opening a FIFO somebody left here must not wait. O_APPEND: marks go behind everything, whoever runs. */
const OPEN_FLAGS = constants.O_RDWR | constants.O_APPEND | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/** What one sweep takes over with. */
export class OrphanTaker {
  readonly #directory: StateDirectory;
  readonly #scheme: LockScheme;
  readonly #patience: LockPatience;
  readonly #signal: AbortSignal | undefined;
  /** Inodes met in this sweep whose files still exist. */
  readonly #seen: Set<string>;
  #locksAreTested = false;

  constructor(
    directory: StateDirectory,
    scheme: LockScheme,
    patience: LockPatience,
    seen: Set<string>,
    signal: AbortSignal | undefined,
  ) {
    this.#directory = directory;
    this.#scheme = scheme;
    this.#patience = patience;
    this.#seen = seen;
    this.#signal = signal;
  }

  /** The file of this inode is gone: a new one may get the number. */
  forget(inode: string): void {
    this.#seen.delete(inode);
  }

  /**
   * Tries to take over one file. A promise only where the kernel could not say at once whether a lock is free.
   * Never throws for what is wrong with one file.
   */
  take(name: string): TakeOver | Promise<TakeOver> {
    const path = this.#directory.pathOf(name);
    let fd: number;
    try {
      fd = openSync(path, OPEN_FLAGS);
    } catch (error) {
      // Another sweeper, or the owner at its end, was faster.
      if (systemErrorCode(error) === 'ENOENT') return { kind: 'vanished' };
      return this.#refusedToOpen(path, error);
    }
    return this.#guard(fd, path, () => this.#lockOpened(fd, path, name));
  }

  #lockOpened(fd: number, path: string, name: string): TakeOver | Promise<TakeOver> {
    const stat = fstatSync(fd);
    const inode = inodeKey(stat);
    if (this.#seen.has(inode)) return { kind: 'seen' };
    const distrust = distrustFile(stat, this.#directory.trust);
    if (distrust !== undefined) {
      this.#seen.add(inode);
      return refused(
        new DeferredSweepError(
          'DEFERRED_UNSAFE_FILE',
          `cannot believe ${path}: ${distrust}; remove it if nobody needs it`,
          {
            path,
          },
        ),
      );
    }
    const locked = this.#patience.attempt(fd, { scheme: this.#scheme, path });
    if (typeof locked === 'boolean') return this.#takeLocked(locked, fd, path, name, inode);
    return this.#patience
      .outlast(locked, this.#signal)
      .then(isLocked => this.#guard(fd, path, () => this.#takeLocked(isLocked, fd, path, name, inode)));
  }

  #takeLocked(isLocked: boolean, fd: number, path: string, name: string, inode: string): TakeOver {
    // Held by its owner, or by another sweeper or its child.
    if (!isLocked) return { kind: 'live' };
    // Between our open and our lock another sweeper may have run and unlinked it, or a creator have renamed its `.tmp`.
    if (!namesLockedFile(fd, path)) return { kind: 'vanished' };
    this.#testLocks(fd, path);
    if (isUnfinishedName(name)) {
      // Its creator is dead, or sees at its steps 3 to 6 that we were here.
      unlinkSync(path);
      return { kind: 'unfinished' };
    }
    const bytes = readAll(fd, path);
    const contents = replay(bytes);
    if (!this.#isOwnerGone(fd, path, contents)) return { kind: 'live' };
    this.#seen.add(inode);
    return { kind: 'orphan', path, fd, inode, bytes, contents };
  }

  /**
   * flock and OFD locks do not see each other on a local file system, so the lock that counts is the one the owner
   * used. A file without a header does not say which: then both must be free.
   */
  #isOwnerGone(fd: number, path: string, contents: StateContents): boolean {
    const used = contents.header?.lock;
    if (used === this.#scheme) return true;
    const other: LockScheme = this.#scheme === 'flock' ? 'ofd' : 'flock';
    try {
      return this.#patience.attempt(fd, { scheme: other, path }) === true;
    } catch (error) {
      // No such lock here, so nobody can hold it.
      if (hasCode(error, 'DEFERRED_UNSUPPORTED') && used === undefined) return true;
      throw error;
    }
  }

  /** Before the first file is believed to be an orphan: where locks do nothing every live file looks like one. */
  #testLocks(fd: number, path: string): void {
    if (this.#locksAreTested) return;
    this.#locksAreTested = assertLocksExclude(fd, path, this.#scheme);
  }

  /** Runs a step that owns `fd`: closes it unless the step ends with an orphan, and turns what it throws into a refusal. */
  #guard(fd: number, path: string, step: () => TakeOver | Promise<TakeOver>): TakeOver | Promise<TakeOver> {
    const settle = (result: TakeOver): TakeOver => {
      if (result.kind !== 'orphan') closeDescriptor(fd);
      return result;
    };
    const fail = (error: unknown): TakeOver => {
      closeDescriptor(fd);
      return this.#failed(path, error);
    };
    try {
      const result = step();
      return result instanceof Promise ? result.then(undefined, fail) : settle(result);
    } catch (error) {
      return fail(error);
    }
  }

  #refusedToOpen(path: string, error: unknown): TakeOver {
    // ELOOP: a symbolic link, by O_NOFOLLOW. ENXIO: a socket, or a device without a driver. EISDIR: a directory.
    const isNoFile = ['ELOOP', 'ENXIO', 'EISDIR'].includes(systemErrorCode(error) ?? '');
    if (!isNoFile) return this.#failed(path, error);
    return refused(
      new DeferredSweepError(
        'DEFERRED_UNSAFE_FILE',
        `cannot believe ${path}: it is not a regular file; remove it if nobody needs it`,
        {
          path,
          cause: error,
        },
      ),
    );
  }

  #failed(path: string, error: unknown): TakeOver {
    // Unlinked between two steps by a racer.
    if (systemErrorCode(error) === 'ENOENT') return { kind: 'vanished' };
    // True of the whole file system, not of this file.
    if (hasCode(error, 'DEFERRED_LOCK_INEFFECTIVE')) throw error;
    const [code, why] =
      error instanceof DeferredSweepError
        ? ([error.code, error.message] as const)
        : (['DEFERRED_STATE_IO', String(error)] as const);
    return refused(new DeferredSweepError(code, `cannot take over ${path}: ${why}`, { path, cause: error }));
  }
}

function refused(error: DeferredSweepError): TakeOver {
  return { kind: 'refused', error };
}
