/**
 * A state file held by its lock: by its owner while the job is open, by whoever took it over, or by the process that
 * runs its functions. What it says is in records; how bytes get into it and out of it is `append-file.ts`'s.
 */
import { fstatSync, unlinkSync } from 'node:fs';
import { basename } from 'node:path';
import { DeferredSweepError, systemErrorCode, unlessRefused } from '../errors.ts';
import { namesLockedFile } from '../lock/held-file.ts';
import { AppendFile } from './append-file.ts';
import { replay, type StateContents } from './contents.ts';
import { FRAME_HEAD_BYTES, frameLength } from './frame.ts';
import { isNoSpace } from './no-space.ts';
import { MAX_STATE_FILE_BYTES } from './read-all.ts';
import type { DoneRecord, HeaderRecord, Mark, StartRecord, StateRecord } from './record.ts';
import { frameRecord } from './record-frame.ts';
import { stateIo } from './state-io.ts';

/** The rest is for marks and cancels: what was registered can be run, however much it is. */
const MAX_REGISTERED_BYTES = 256 * 1024 * 1024;

export class StateFile {
  #file: AppendFile;
  #header: HeaderRecord;
  /**
   * The highest id its owner registered, over all jobs of the file: dead letters are named after file and id, and one
   * must not take the place of an earlier job's.
   */
  lastId = 0;
  /** Marks that could not be written yet, oldest first. */
  #owedMarks: Mark[] = [];

  /**
   * @param fd - open O_RDWR|O_APPEND, locked, and owned by this object from now on
   * @param lengthBytes - where the last whole record ends
   * @param hasStrayTail - something is behind it, to be cut off before marks turn it into a damaged middle
   */
  constructor(path: string, fd: number, header: HeaderRecord, lengthBytes: number, hasStrayTail = false) {
    this.#file = new AppendFile(path, fd, header.durability === 'disk', lengthBytes, hasStrayTail);
    this.#header = header;
  }

  get path(): string {
    return this.#file.path;
  }

  get fd(): number {
    return this.#file.fd;
  }

  get header(): HeaderRecord {
    return this.#header;
  }

  get name(): string {
    return basename(this.path);
  }

  /**
   * False when somebody removed the file, or renamed its directory: what is written now nobody would find. By the path
   * and not by the number of links, since an NFS client renames what it removes while it is open.
   * @throws DeferredSweepError `DEFERRED_STATE_IO`
   */
  isNamed(): boolean {
    return stateIo(`look at ${this.path}`, this.path, () => namesLockedFile(this.fd, this.path));
  }

  /**
   * Goes on in another file: everything is written there, and this one is emptied, since whoever renamed its directory may
   * sweep that, and its lock given up. When it throws, this one goes on as it was.
   * @param fresh - without functions; ours once this returns
   * @throws DeferredSweepError `DEFERRED_STATE_CORRUPT` when something of this file would be left behind unread,
   * `DEFERRED_STATE_IO`
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
    if (records.length > 0) fresh.#append(records, MAX_STATE_FILE_BYTES);
    // Else it stays locked for as long as we live: nobody runs from it what we still have.
    if (isOutOfReach(this.#file)) this.close();
    this.#file = fresh.#file;
    this.#header = fresh.header;
    this.#owedMarks = [];
  }

  /**
   * Appends records by one write(2). When it returns they are in the file (and on stable storage with
   * `durability: 'disk'`); when it throws none of them is.
   * @throws DeferredSweepError `DEFERRED_TOO_LARGE`; `DEFERRED_STATE_IO` with the system's error as cause.
   */
  append(records: readonly StateRecord[]): void {
    const isRegistration = records.some(record => record.kind === 'defer');
    this.#append(records, isRegistration ? MAX_REGISTERED_BYTES : MAX_STATE_FILE_BYTES);
  }

  /**
   * Appends the mark of an attempt that begins, before the function is called. Returns false when the disk has no room
   * for it; unless told otherwise, it is then kept in mind and appended with the next.
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
   * Appends the mark of an attempt that ended. If it cannot be written it is kept in mind and appended with the next:
   * the function did run, and must not run again because of this.
   */
  appendDone(mark: DoneRecord): void {
    try {
      this.#appendMarks(mark);
    } catch (error) {
      if (!(error instanceof DeferredSweepError)) throw error;
      this.#owedMarks.push(mark);
    }
  }

  /**
   * Appends what is kept in mind: before the file is left to others.
   * @throws DeferredSweepError `DEFERRED_STATE_IO`
   */
  settleMarks(): void {
    if (this.#owedMarks.length > 0) this.#appendMarks();
  }

  /**
   * Reads everything there is, marks that could not be written included.
   * @throws DeferredSweepError `DEFERRED_TOO_LARGE`, `DEFERRED_STATE_IO`
   */
  read(): StateContents {
    return this.#replay(this.#file.read());
  }

  /** All there is, as it is. @throws as {@link read} */
  readBytes(): Buffer {
    return this.#file.readAll();
  }

  /**
   * Empties the file of all functions, for the owner's next job. The caller made sure none of them is pending.
   * @throws DeferredSweepError `DEFERRED_STATE_IO`
   */
  reset(): void {
    stateIo(`empty ${this.path}`, this.path, () => {
      this.#file.truncate(frameLength(this.#file.readHead(FRAME_HEAD_BYTES)));
    });
    this.#owedMarks = [];
  }

  /**
   * Cuts off what is behind the last whole record, so that marks written there do not turn it into a damaged middle.
   * @throws DeferredSweepError `DEFERRED_STATE_IO`
   */
  cutTail(): void {
    this.#file.cutTail();
  }

  /**
   * Removes the file, in which nothing is pending, while its lock is held: nobody else can be running its functions, and
   * nobody can begin to. Vanished already is as good. What cannot be removed is emptied: should even its marks have found
   * no room, that keeps anything from running again. The descriptor stays open.
   * @throws DeferredSweepError `DEFERRED_STATE_IO` when the path is still there
   */
  remove(): void {
    try {
      this.#unlink();
    } catch (error) {
      try {
        this.reset();
      } catch {
        // The first error is the one to report, and what is marked as done does not run again.
      }
      throw error;
    }
  }

  /**
   * Gives up the lock and closes the descriptor: what is still pending is an orphan's now. A runner that has the
   * descriptor, too, must be gone.
   */
  close(): void {
    this.#file.close();
  }

  #unlink(): void {
    stateIo(`remove ${this.path}`, this.path, () => {
      try {
        unlinkSync(this.path);
      } catch (error) {
        if (systemErrorCode(error) !== 'ENOENT') throw error;
      }
    });
  }

  #replay(bytes: Buffer): StateContents {
    const contents = replay(bytes);
    for (const mark of this.#owedMarks) contents.apply(mark);
    return contents;
  }

  #appendMarks(...marks: Mark[]): void {
    this.append([...this.#owedMarks, ...marks]);
    this.#owedMarks = [];
  }

  #append(records: readonly StateRecord[], maxBytes: number): void {
    const frames = records.map(record => frameRecord(record, this.header.salt, this.path));
    this.#file.append(Buffer.concat(frames), maxBytes);
  }
}

/** Whether nobody can find functions in it any more: it could be emptied, or has no name left, however it was removed. */
function isOutOfReach(file: AppendFile): boolean {
  const isEmptied = unlessRefused(() => {
    file.truncate(0);
    return true;
  }, false);
  return isEmptied || unlessRefused(() => fstatSync(file.fd).nlink === 0, false);
}
