import { unlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { DeferredSweepError, isSystemError } from '../errors.ts';
import { namesLockedFile } from '../lock/held-file.ts';
import type { StateContents } from '../log/contents.ts';
import { frameRecord } from '../log/encode-record.ts';
import type {
  DeferRecord,
  DoneRecord,
  HeaderRecord,
  Mark,
  StartRecord,
  StateRecord,
} from '../log/records.ts';
import { replay, replayOn } from '../log/replay.ts';
import { AppendFile } from './append-file.ts';
import { isNoSpace, MAX_STATE_FILE_BYTES, stateIo } from './file-io.ts';

/** Limit for registrations. The rest of the file is for marks, so that all registered functions can run. */
const MAX_REGISTERED_BYTES = 256 * 1024 * 1024;

/** A locked state file of the owner, the sweeper that claims it, or the runner. {@link AppendFile} has its bytes. */
export class StateFile {
  #file: AppendFile;
  #header: HeaderRecord;
  /** The highest id registered in any job of the file. Dead letters are named after file and id: no id is used twice. */
  lastId = 0;
  /** How long the header is, once it was read: it never changes. */
  #headerBytes: number | undefined;
  /** Marks that could not be written yet, oldest first. */
  #owedMarks: Mark[] = [];

  /** @param fd - open O_RDWR|O_APPEND, locked; this object owns it from now on */
  constructor(path: string, fd: number, header: HeaderRecord, lengthBytes: number, hasStrayTail = false) {
    this.#file = new AppendFile(path, fd, header.durability === 'disk', lengthBytes, hasStrayTail);
    this.#header = header;
  }

  get path(): string {
    return this.#file.path;
  }

  get header(): HeaderRecord {
    return this.#header;
  }

  get name(): string {
    return basename(this.path);
  }

  /**
   * False if the file was removed, or its directory renamed: no sweeper would find a new record. Asks for the path, not the links:
   * an NFS client renames a file that is removed while it is open. @throws DeferredSweepError `DEFERRED_STATE_IO`
   */
  isNamed(): boolean {
    return stateIo(`look at ${this.path}`, this.path, () => namesLockedFile(this.#file.fd, this.path));
  }

  /**
   * Goes on in another file: copies the records there, empties the old file, unlocks it. Emptied, since a sweep of a
   * renamed directory would run its functions again. When this throws, the old file goes on as it was.
   * @param fresh - without functions; this object owns its file once this returns
   * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` if unreadable bytes would be left behind, `DEFERRED_STATE_IO`
   */
  moveTo(fresh: StateFile): void {
    const contents = this.read();
    if (!contents.isWholeOf(this.header)) {
      throw new DeferredSweepError(
        'DEFERRED_STATE_CORRUPT',
        `cannot go on in ${fresh.path}: bytes of ${this.path} are not what was written; end the job, which keeps a copy`,
        { path: this.path },
      );
    }
    const records = contents.records();
    fresh.append(records);
    // Else the old file stays locked while this process lives, so that no sweep runs its functions, too.
    if (this.#file.putOutOfReach()) this.close();
    this.#file = fresh.#file;
    this.#header = fresh.header;
    this.#headerBytes = undefined;
    this.#owedMarks = [];
  }

  get lengthBytes(): number {
    return this.#file.lengthBytes;
  }

  /**
   * Appends records by one write(2). When this returns, they are in the file (with `durability: 'disk'` on stable
   * storage). When it throws, none of them counts.
   * @throws DeferredSweepError `DEFERRED_TOO_LARGE`, `DEFERRED_STATE_IO`
   */
  append(records: readonly StateRecord[]): void {
    const [first, ...rest] = records.map(record => this.#frame(record));
    if (!first) return;
    const bytes = rest.length > 0 ? Buffer.concat([first, ...rest]) : first;
    this.#file.append(bytes, MAX_STATE_FILE_BYTES, false);
  }

  /** As {@link append}. False if no sweeper would find the record: see {@link isNamed}. */
  register(record: DeferRecord): boolean {
    return this.#file.append(this.#frame(record), MAX_REGISTERED_BYTES, true);
  }

  /** Takes back what was appended since the file had this length. */
  takeBack(lengthBytes: number): void {
    this.#file.takeBack(lengthBytes);
  }

  /**
   * Appends the start mark of an attempt, before the function is called. False if the disk has no room for it. The mark
   * is then owed and appended with the next one, unless `isOwed` is false.
   * @throws DeferredSweepError `DEFERRED_STATE_IO` for any failure but a full disk.
   */
  appendStart(mark: StartRecord, { isOwed = true }: { isOwed?: boolean } = {}): boolean {
    try {
      this.#appendMarks(mark);
      return true;
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      if (isOwed) this.#owedMarks.push(mark);
      return false;
    }
  }

  /**
   * Appends the done mark of an attempt. If it cannot be written, it is owed and appended with the next one: the function
   * has run, and must not run again because of a disk.
   */
  appendDone(mark: DoneRecord): void {
    try {
      this.#appendMarks(mark);
    } catch (error) {
      if (!(error instanceof DeferredSweepError)) throw error;
      this.#owedMarks.push(mark);
    }
  }

  /** Appends the owed marks, before another process gets the file. @throws DeferredSweepError `DEFERRED_STATE_IO` */
  settleMarks(): void {
    if (this.#owedMarks.length > 0) this.#appendMarks();
  }

  /** Reads and replays the file. Owed marks count. @throws DeferredSweepError `DEFERRED_TOO_LARGE`, `DEFERRED_STATE_IO` */
  read(): StateContents {
    const contents = replay(this.#file.read());
    for (const mark of this.#owedMarks) contents.apply(mark);
    return contents;
  }

  /**
   * Applies to these contents what came to the file since they were read, owed marks too, and returns it. Undefined where only
   * {@link read} can tell: the records moved here since, or bytes are not what was written. @throws as {@link read}
   */
  readOn(contents: StateContents): readonly StateRecord[] | undefined {
    if (!contents.isWholeOf(this.header) || contents.lengthBytes > this.lengthBytes) return undefined;
    const bytes = stateIo(`read ${this.path}`, this.path, () => this.#file.readFrom(contents.lengthBytes));
    const records = replayOn(contents, bytes);
    for (const mark of records ? this.#owedMarks : []) contents.apply(mark);
    return records && [...records, ...this.#owedMarks];
  }

  /**
   * As {@link read}, with one registration alone: what that costs does not grow with the file. Marks of it are not read.
   * @param offset - where the registration begins; with other bytes there the contents have no function
   */
  readRegistration(offset: number): StateContents {
    const bytes = stateIo(`read ${this.path}`, this.path, () =>
      Buffer.concat([this.#file.readFrame(0), this.#file.readFrame(offset)]),
    );
    return replay(bytes);
  }

  readBytes(): Buffer {
    return this.#file.readAll();
  }

  /** Removes all functions from the file, of which none is pending, for the next job. @throws DeferredSweepError `DEFERRED_STATE_IO` */
  reset(): void {
    stateIo(`empty ${this.path}`, this.path, () => {
      this.#headerBytes ??= this.#file.readFrame(0).length;
      this.#file.shrinkTo(this.#headerBytes);
    });
    this.#owedMarks = [];
  }

  cutTail(): void {
    this.#file.cutTail();
  }

  /**
   * Unlinks the file under the lock, so that no other process begins to run its functions. None is pending. If it cannot be
   * removed it is emptied, so that nothing runs again even if marks found no room. So is a file that its path does not lead
   * to: it may have another name, or lie under a mount. The descriptor stays open.
   * @throws DeferredSweepError `DEFERRED_STATE_IO` when the path is still there
   */
  remove(): void {
    try {
      stateIo(`remove ${this.path}`, this.path, () => unlinkSync(this.path));
    } catch (error) {
      try {
        this.reset();
      } catch {
        // The first error is reported. Functions that are marked as done do not run again.
      }
      if (!(error instanceof DeferredSweepError && isSystemError(error.cause, 'ENOENT'))) throw error;
    }
  }

  /** Gives up the lock. Functions that are still pending are an orphan's now. */
  close(): void {
    this.#file.close();
  }

  #appendMarks(...marks: Mark[]): void {
    this.append([...this.#owedMarks, ...marks]);
    this.#owedMarks = [];
  }

  #frame(record: StateRecord): Buffer {
    return frameRecord(record, this.header.salt, this.path);
  }
}
