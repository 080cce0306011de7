/**
 * A state file held by its lock: by its owner while the job is open, by whoever took it over, or by the process that
 * runs its functions. Everything goes through the one descriptor that is locked; closing it gives up the lock.
 */
import { closeSync, fdatasyncSync, fstatSync, ftruncateSync, readSync, unlinkSync, writeSync } from 'node:fs';
import { basename } from 'node:path';
import { checkBounds } from '../cbor/bounds.ts';
import { MAX_RECORD_BYTES } from '../cbor/limits.ts';
import { DeferredSweepError, systemErrorCode } from '../errors.ts';
import { replay, type StateContents } from './contents.ts';
import { encodeFrame, FRAME_HEAD_BYTES, frameLength } from './frame.ts';
import { encodeRecord, type HeaderRecord, type Mark, type StateRecord } from './record.ts';

/** A file is read as a whole. */
const MAX_STATE_FILE_BYTES = 256 * 1024 * 1024;
/** A disk this full takes no mark, yet running the cleanup may be what frees it. */
const NO_SPACE = ['ENOSPC', 'EDQUOT'];

export class StateFile {
  readonly path: string;
  readonly fd: number;
  readonly header: HeaderRecord;
  #lengthBytes: number;
  /** True when bytes behind `#lengthBytes` could not be cut off yet. */
  #hasStrayTail = false;
  /**
   * The highest id its owner registered, over all jobs of the file: dead letters are named after file and id, and one
   * must not take the place of an earlier job's.
   */
  lastId = 0;
  /** Marks the disk had no room for, oldest first. */
  #owedMarks: Mark[] = [];

  /**
   * @param fd - open O_RDWR|O_APPEND, locked, and owned by this object from now on
   * @param lengthBytes - where the last whole record ends
   */
  constructor(path: string, fd: number, header: HeaderRecord, lengthBytes: number) {
    this.path = path;
    this.fd = fd;
    this.header = header;
    this.#lengthBytes = lengthBytes;
  }

  get name(): string {
    return basename(this.path);
  }

  /** False when somebody removed the path from under us: what is written now nobody would find. */
  isLinked(): boolean {
    return fstatSync(this.fd).nlink > 0;
  }

  /**
   * Appends records by one write(2). When it returns they are in the file (and on stable storage with
   * `durability: 'disk'`); when it throws none of them is.
   * @throws DeferredSweepError `DEFERRED_TOO_LARGE`; `DEFERRED_STATE_IO` with the system's error as cause.
   */
  append(...records: StateRecord[]): void {
    const bytes = Buffer.concat(records.map(record => this.#frame(record)));
    if (this.#lengthBytes + bytes.length > MAX_STATE_FILE_BYTES) {
      throw new DeferredSweepError(
        'DEFERRED_TOO_LARGE',
        `cannot add ${bytes.length} bytes to ${this.path}: a state file holds at most ${MAX_STATE_FILE_BYTES} bytes; end the job or defer less`,
        { path: this.path },
      );
    }
    try {
      if (this.#hasStrayTail) this.cutTail();
      this.#write(bytes);
      this.#lengthBytes += bytes.length;
    } catch (error) {
      throw new DeferredSweepError('DEFERRED_STATE_IO', `cannot write to ${this.path}: ${String(error)}`, {
        path: this.path,
        cause: error,
      });
    }
  }

  /**
   * Appends a mark. Returns false when the disk has no room for it; unless told otherwise, it is then kept in mind and
   * appended with the next.
   * @throws DeferredSweepError `DEFERRED_STATE_IO` for any failure but a full disk.
   */
  appendMark(mark: Mark, { isOwed = true }: { isOwed?: boolean } = {}): boolean {
    try {
      this.append(...this.#owedMarks, mark);
      this.#owedMarks = [];
      return true;
    } catch (error) {
      if (!isNoSpace(error)) throw error;
      if (isOwed) this.#owedMarks.push(mark);
      return false;
    }
  }

  /** Reads everything there is, marks the disk had no room for included. */
  read(): StateContents {
    const contents = replay(readAll(this.fd, this.path));
    for (const mark of this.#owedMarks) contents.apply(mark);
    return contents;
  }

  /** Empties the file of all functions, for the owner's next job. The caller made sure none of them is pending. */
  reset(): void {
    const head = Buffer.alloc(FRAME_HEAD_BYTES);
    readSync(this.fd, head, 0, head.length, 0);
    const headerBytes = frameLength(head);
    ftruncateSync(this.fd, headerBytes);
    this.#lengthBytes = headerBytes;
    this.#hasStrayTail = false;
    this.#owedMarks = [];
  }

  /** Cuts off what is behind the last whole record, so that marks written there do not turn it into a damaged middle. */
  cutTail(): void {
    ftruncateSync(this.fd, this.#lengthBytes);
    this.#hasStrayTail = false;
  }

  /**
   * Removes the file while its lock is held: nobody else can be running its functions, and nobody can begin to.
   * Vanished already is as good. The descriptor stays open.
   */
  unlink(): void {
    try {
      unlinkSync(this.path);
    } catch (error) {
      if (systemErrorCode(error) !== 'ENOENT') throw error;
    }
  }

  /** Closes the descriptor, and with it gives up the lock. What is still pending is an orphan's now. */
  close(): void {
    closeSync(this.fd);
  }

  #frame(record: StateRecord): Buffer {
    const payload = encodeRecord(record, this.header.salt);
    if (payload.length > MAX_RECORD_BYTES) {
      throw new DeferredSweepError(
        'DEFERRED_TOO_LARGE',
        `cannot store a record of ${payload.length} bytes in ${this.path}: the limit is ${MAX_RECORD_BYTES} bytes; pass a path instead of the data`,
        { path: this.path },
      );
    }
    requireReadable(payload, this.path);
    return encodeFrame(payload);
  }

  #write(bytes: Buffer): void {
    try {
      // write(2) may take less than it was given (a full disk, a signal) without an error.
      const written = writeSync(this.fd, bytes);
      if (written < bytes.length) throw noSpace(written, bytes.length);
      if (this.header.durability === 'disk') fdatasyncSync(this.fd);
    } catch (error) {
      this.#hasStrayTail = true;
      try {
        this.cutTail();
      } catch {
        // Tried again before the next record is written; readers take the stray bytes for a torn tail until then.
      }
      throw error;
    }
  }
}

/** Reads a whole file through the descriptor, from its beginning. @throws DeferredSweepError `DEFERRED_TOO_LARGE`. */
export function readAll(fd: number, path: string): Buffer {
  const { size } = fstatSync(fd);
  if (size > MAX_STATE_FILE_BYTES) {
    throw new DeferredSweepError(
      'DEFERRED_TOO_LARGE',
      `cannot read ${path}: it has ${size} bytes, a state file holds at most ${MAX_STATE_FILE_BYTES}`,
      { path },
    );
  }
  const bytes = Buffer.allocUnsafe(size);
  let length = 0;
  while (length < size) {
    const count = readSync(fd, bytes, length, size - length, length);
    if (count === 0) break;
    length += count;
  }
  return bytes.subarray(0, length);
}

function isNoSpace(error: unknown): boolean {
  const code = error instanceof DeferredSweepError ? systemErrorCode(error.cause) : undefined;
  return code !== undefined && NO_SPACE.includes(code);
}

function noSpace(written: number, expected: number): Error {
  return Object.assign(new Error(`ENOSPC: wrote ${written} of ${expected} bytes, write`), {
    code: 'ENOSPC',
    syscall: 'write',
  });
}

/** What would be written and never read again is refused: registered, it would be lost. */
function requireReadable(payload: Buffer, path: string): void {
  try {
    checkBounds(payload);
  } catch (error) {
    throw new DeferredSweepError(
      'DEFERRED_TOO_LARGE',
      `cannot store a record in ${path} that could not be read again; pass the path of a file with the data instead`,
      { path, cause: error },
    );
  }
}
