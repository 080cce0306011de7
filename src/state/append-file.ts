/**
 * A locked file that grows by whole writes. A write that failed or was short is cut off again. All calls use the one
 * locked descriptor; closing it gives up the lock.
 */
import { fdatasyncSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { DeferredSweepError, unlessRefused } from '../errors.ts';
import { unlockAndClose } from '../lock/close.ts';
import { FRAME_HEAD_BYTES, frameLength } from '../log/frame.ts';
import { appendNamed } from '../native/named-append.ts';
import { readAll, shortWriteError, stateIo } from './file-io.ts';

/** Returns how many bytes were written; or, if all were, whether the file has its name. */
type Write = (fd: number, bytes: Buffer) => number | boolean;

export class AppendFile {
  readonly path: string;
  readonly fd: number;
  readonly #isSynced: boolean;
  #lengthBytes: number;
  /** True when bytes behind `#lengthBytes` could not be cut off yet. */
  #hasStrayTail: boolean;

  /**
   * @param fd - open O_RDWR|O_APPEND, locked; this object owns it from now on
   * @param isSynced - true: each append ends with fdatasync(2)
   * @param lengthBytes - the end of the last whole record
   * @param hasStrayTail - true: bytes behind that end must be cut off before the next write
   */
  constructor(path: string, fd: number, isSynced: boolean, lengthBytes: number, hasStrayTail: boolean) {
    this.path = path;
    this.fd = fd;
    this.#isSynced = isSynced;
    this.#lengthBytes = lengthBytes;
    this.#hasStrayTail = hasStrayTail;
  }

  /**
   * Appends by one write(2). When this returns, the bytes are in the file. When it throws, none of them counts.
   * @throws DeferredSweepError `DEFERRED_TOO_LARGE`; `DEFERRED_STATE_IO` with the system's error as cause
   */
  append(bytes: Buffer, maxBytes: number): void {
    this.#grow(bytes, maxBytes, writeSync);
  }

  /**
   * As {@link append}. Returns false if the path does not name the file, so that no other process finds the bytes. Asked after
   * the write: a name that goes meanwhile is noticed, too.
   */
  appendNamed(bytes: Buffer, maxBytes: number): boolean {
    return this.#grow(bytes, maxBytes, (fd, all) => appendNamed(fd, this.path, all));
  }

  /** The end of the last whole record. */
  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Takes back what was appended since the file had this length. */
  takeBack(lengthBytes: number): void {
    this.resume(lengthBytes, true);
    try {
      this.cutTail();
    } catch {
      // Tried again before the next write. If the owner dies before that, a whole record in the tail counts as registered:
      // `docs/guarantees.md`, Disks.
    }
  }

  #grow(bytes: Buffer, maxBytes: number, write: Write): boolean {
    if (this.#lengthBytes + bytes.length > maxBytes) {
      throw new DeferredSweepError(
        'DEFERRED_TOO_LARGE',
        `cannot add ${bytes.length} bytes to ${this.path}: a state file takes at most ${maxBytes} bytes; end the job or defer less`,
        { path: this.path },
      );
    }
    return stateIo(`write to ${this.path}`, this.path, () => {
      if (this.#hasStrayTail) this.cutTail();
      const isNamed = this.#write(bytes, write);
      this.#lengthBytes += bytes.length;
      return isNamed;
    });
  }

  /** The bytes that count. @throws DeferredSweepError `DEFERRED_TOO_LARGE`, `DEFERRED_STATE_IO` */
  read(): Buffer {
    // The caller was never told that the stray tail is written.
    const bytes = this.readAll();
    return this.#hasStrayTail ? bytes.subarray(0, this.#lengthBytes) : bytes;
  }

  /** All bytes of the file. @throws as {@link read} */
  readAll(): Buffer {
    return readAll(this.fd, this.path);
  }

  /** The bytes that count from an offset on. @throws Error of Node's shape */
  readFrom(offset: number): Buffer {
    return this.#readZeros(offset, Math.max(0, this.#lengthBytes - offset));
  }

  /** The frame at an offset, or as much of it as counts. @throws Error of Node's shape */
  readFrame(offset: number): Buffer {
    const head = this.#readZeros(offset, FRAME_HEAD_BYTES);
    const leftBytes = Math.max(0, this.#lengthBytes - offset);
    return this.#readZeros(offset, Math.min(frameLength(head), leftBytes));
  }

  /** Zeros where the file has no bytes. */
  #readZeros(offset: number, lengthBytes: number): Buffer {
    const bytes = Buffer.alloc(lengthBytes);
    readSync(this.fd, bytes, 0, lengthBytes, offset);
    return bytes;
  }

  /** Sets the end of the last whole record. */
  resume(lengthBytes: number, hasStrayTail: boolean): void {
    this.#lengthBytes = lengthBytes;
    this.#hasStrayTail = hasStrayTail;
  }

  /** As {@link truncate}; without a call if nothing was written behind this length. */
  shrinkTo(lengthBytes: number): void {
    if (lengthBytes < this.#lengthBytes || this.#hasStrayTail) this.truncate(lengthBytes);
  }

  /** Cuts the file to this length. @throws Error of Node's shape */
  truncate(lengthBytes: number): void {
    ftruncateSync(this.fd, lengthBytes);
    this.resume(lengthBytes, false);
  }

  /**
   * Cuts off bytes behind the last whole record. Behind them a mark would turn them into damage.
   * @throws DeferredSweepError `DEFERRED_STATE_IO`
   */
  cutTail(): void {
    stateIo(`cut off the end of ${this.path}`, this.path, () => this.truncate(this.#lengthBytes));
  }

  /** Empties the file. True if no sweeper can find its records now: it is empty, or has no name left. */
  putOutOfReach(): boolean {
    const isEmptied = unlessRefused(() => {
      this.truncate(0);
      return true;
    }, false);
    return isEmptied || unlessRefused(() => fstatSync(this.fd).nlink === 0, false);
  }

  /** Gives up the lock and closes the descriptor. */
  close(): void {
    unlockAndClose(this.fd);
  }

  #write(bytes: Buffer, write: Write): boolean {
    try {
      const written = write(this.fd, bytes);
      // write(2) may write less than asked without an error (a full disk, a signal).
      if (typeof written === 'number' && written < bytes.length)
        throw shortWriteError(this.fd, bytes, written);
      if (this.#isSynced) fdatasyncSync(this.fd);
      return written !== false;
    } catch (error) {
      this.takeBack(this.#lengthBytes);
      throw error;
    }
  }
}
