/** How a sweeper looks at a file. The order is the protocol: the numbers are the steps of `docs/protocol.md`, Look. */
import { fstatSync, unlinkSync } from 'node:fs';
import { setImmediate } from 'node:timers/promises';
import { hasCode, isSystemError } from '../errors.ts';
import type { LockScheme } from '../lock/advisory-lock.ts';
import { closeDescriptor, unlockAndClose } from '../lock/close.ts';
import { inodeKey, namesLockedFile } from '../lock/held-file.ts';
import { nativeAddon, nativeScheme } from '../lock/native.ts';
import type { LockPatience } from '../lock/patience.ts';
import { assertLocksExclude } from '../lock/self-test.ts';
import type { StateContents } from '../log/contents.ts';
import { isOfSweep } from '../log/nonce.ts';
import type { ReportedError } from '../log/records.ts';
import { headerOf, isCreatorsLeftover, replay, replayInSlices } from '../log/replay.ts';
import { refusedReport } from '../report/report.ts';
import { readAll, readHeader } from '../state/file-io.ts';
import { isUnfinishedName } from '../state/names.ts';
import { openPatiently, READ_FLAGS, WRITE_FLAGS } from '../state/open-patiently.ts';
import type { StateDirectory } from '../state/state-directory.ts';
import { distrustFile, unsafeFile } from '../trust/trust.ts';
import { claimOrRetire, type SweepContext } from './claim-or-retire.ts';
import { know, LastOwner, lastKnown, lockedReport } from './holder.ts';
import { done, failed, type Look, refusedToOpen } from './look-outcome.ts';

export interface LookCircumstances {
  /** True: claim a handed-over file, too, since the other sweeper had time enough. @defaultValue false */
  readonly isPatienceOver?: boolean;
  /** Why no runner can be had. Each function that would run gets an attempt with this error. */
  readonly failure?: ReportedError | undefined;
}

/** A larger file is replayed in slices of this size, some milliseconds each. */
const SLICE_BYTES = 1024 * 1024;

export class Looker {
  readonly directory: StateDirectory;
  readonly #sweep: SweepContext;
  readonly #patience: LockPatience;
  /** Inodes of existing files that this sweep has met. */
  readonly #seen = new Set<string>();
  readonly #leftToOthers = new Set<string>();
  readonly #lastOwner = new LastOwner();
  /** Whether a lock wants a descriptor open for writing (fcntl(2), "Open file description locks"). That wakes all watchers. */
  #needsWriting: boolean;
  #locksAreTested = false;

  constructor(directory: StateDirectory, sweep: SweepContext, patience: LockPatience) {
    this.directory = directory;
    this.#sweep = sweep;
    this.#patience = patience;
    this.#needsWriting = sweep.options.lock === 'ofd';
  }

  /** Forgets an inode, so that its file is looked at again, or a new file with its number. */
  forget(inode: string): void {
    this.#seen.delete(inode);
  }

  /** The file went to another sweep: this one looks at it again only if it waits. */
  leaveToOthers(inode: string): void {
    this.#seen.add(inode);
    this.#leftToOthers.add(inode);
  }

  /** Looks again at files that went to other sweeps. */
  forgetLeft(): void {
    for (const inode of this.#leftToOthers) this.#seen.delete(inode);
    this.#leftToOthers.clear();
  }

  /**
   * Looks in one call of the addon at a file that this process has seen locked. Undefined if the file is free now, or
   * anything of it has changed: the caller then calls {@link look}.
   */
  glance(name: string): Look | undefined {
    const path = this.directory.pathOf(name);
    const known = lastKnown(path);
    const { lock, onlyLabel } = this.#sweep.options;
    if (known === undefined || this.#seen.has(known.inode)) return undefined;
    // The addon opens for reading then.
    if (lock === 'flock' && this.#needsWriting) return undefined;
    if (onlyLabel !== undefined && known.header?.label !== onlyLabel) return undefined;
    if (!nativeAddon().isStillLocked(path, nativeScheme[lock], known.size, known.modifiedNs))
      return undefined;
    return { kind: 'locked', report: lockedReport(path, known, this.#lastOwner) };
  }

  /** Looks at one file. Never throws for what is wrong with one file. */
  async look(name: string, circumstances: LookCircumstances = {}): Promise<Look> {
    const path = this.directory.pathOf(name);
    const isReading = !this.#needsWriting;
    let fd: number;
    try {
      fd = openPatiently(path, isReading ? READ_FLAGS : WRITE_FLAGS); // 1
    } catch (error) {
      return refusedToOpen(path, error);
    }
    const opened: OpenedFile = { fd, path, name, isLocked: false, isKept: false };
    try {
      return await this.#lookAt(opened, circumstances);
    } catch (error) {
      // OFD locks, and flock(2) on NFS, need a descriptor open for writing.
      this.#needsWriting ||= isSystemError(error, 'EBADF');
      if (!isReading || !this.#needsWriting) return failed(path, error);
    } finally {
      if (opened.isLocked && !opened.isKept) unlockAndClose(fd);
      else if (!opened.isKept) closeDescriptor(fd);
    }
    return this.look(name, circumstances);
  }

  async #lookAt(opened: OpenedFile, circumstances: LookCircumstances): Promise<Look> {
    const { fd, path, name } = opened;
    const stat = fstatSync(fd, { bigint: true });
    const inode = inodeKey(stat);
    if (this.#seen.has(inode)) return { kind: 'seen' };
    const distrust = distrustFile(stat, this.directory.trust); // 2
    if (distrust !== undefined) {
      this.#seen.add(inode);
      return done(refusedReport(path, unsafeFile(path, distrust)));
    }
    const { onlyLabel, lock, signal } = this.#sweep.options;
    if (onlyLabel !== undefined && headerOf(readHeader(fd))?.label !== onlyLabel) return { kind: 'seen' };
    opened.isLocked = await this.#patience.tryLock(fd, { scheme: lock, path }, signal); // 3
    const lockedByOther = (): Look => {
      return { kind: 'locked', report: lockedReport(path, know(fd, path, stat), this.#lastOwner) };
    };
    if (!opened.isLocked) return lockedByOther();
    // Between the open and the lock another process may have run and unlinked it, or a creator have renamed its `.tmp`.
    if (!namesLockedFile(fd, path)) return { kind: 'vanished' }; // 4
    this.#locksAreTested ||= assertLocksExclude(fd, path, lock);
    if (isUnfinishedName(name)) {
      if (!isCreatorsLeftover(readHeader(fd))) {
        const why = 'it is no file that a creator of state files leaves';
        return done(refusedReport(path, unsafeFile(path, why)));
      }
      // The creator is dead. If it is not, its steps 3 to 6 notice this unlink.
      unlinkSync(path);
      return done({ path, outcome: 'unfinished', functions: [], isRetired: true, pending: 0 });
    }
    const bytes = readAll(fd, path);
    const contents = bytes.length <= SLICE_BYTES ? replay(bytes) : await replayBreathing(bytes); // 5
    if (!this.#isOwnerGone(opened, contents)) return lockedByOther();
    const isOurs = contents.claim !== undefined && isOfSweep(contents.claim.nonce, this.#sweep.sweepId);
    if (contents.isHandedOver && !isOurs && !circumstances.isPatienceOver) return { kind: 'handed-over' };
    this.#seen.add(inode);
    const read = { path, fd, bytes, contents };
    const found = claimOrRetire(this.directory, read, this.#sweep, circumstances.failure); // 6
    if (found.kind === 'done') {
      // A new file may get its inode number.
      if (found.report.isRetired) this.#seen.delete(inode);
      return found;
    }
    opened.isKept = true;
    const release = (): void => unlockAndClose(fd);
    return { name, path, inode, seenBytes: contents.lengthBytes, release, ...found };
  }

  /** On a local file system the two schemes do not see each other. A file without a header names none: both must be free. */
  #isOwnerGone({ fd, path }: OpenedFile, contents: StateContents): boolean {
    const { lock } = this.#sweep.options;
    const used = contents.header?.lock;
    if (used === lock) return true;
    const other: LockScheme = lock === 'flock' ? 'ofd' : 'flock';
    try {
      return this.#patience.attempt(fd, { scheme: other, path }) === true;
    } catch (error) {
      // This system has no such lock, so no process holds one.
      if (hasCode(error, 'DEFERRED_UNSUPPORTED') && used === undefined) return true;
      throw error;
    }
  }
}

async function replayBreathing(bytes: Buffer): Promise<StateContents> {
  const replaying = replayInSlices(bytes, SLICE_BYTES);
  for (;;) {
    const step = replaying.next();
    if (step.done) return step.value;
    await setImmediate();
  }
}

/** An open descriptor, and whether it holds the file's lock. */
interface OpenedFile {
  readonly fd: number;
  readonly path: string;
  readonly name: string;
  isLocked: boolean;
  /** True: the look ends with the lock held. */
  isKept: boolean;
}
