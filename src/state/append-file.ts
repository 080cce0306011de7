/**
 * A locked file that grows by whole writes. A write that failed or was short is cut off again. All calls use the one
 * locked descriptor; closing it gives up the lock.
 */
import { fdatasyncSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { DeferredSweepError } from '../errors.ts';
import { unlockAndClose } from '../lock/close.ts';
import { FRAME_HEAD_BYTES, frameLength } from '../log/frame.ts';
import { noSpace, readAll, stateIo } from './file-io.ts';

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
   * Appends by one write(2). When this returns, the bytes are in the file, from the offset it returns. When it throws, none
   * of them counts.
   * @throws DeferredSweepError `DEFERRED_TOO_LARGE`; `DEFERRED_STATE_IO` with the system's error as cause
   */
  append(bytes: Buffer, maxBytes: number): number {
    if (this.#lengthBytes + bytes.length > maxBytes) {
      throw new DeferredSweepError(
        'DEFERRED_TOO_LARGE',
        `cannot add ${bytes.length} bytes to ${this.path}: a state file takes at most ${maxBytes} bytes; end the job or defer less`,
        { path: this.path },
      );
    }
    stateIo(`write to ${this.path}`, this.path, () => {
      if (this.#hasStrayTail) this.cutTail();
      this.#write(bytes);
      this.#lengthBytes += bytes.length;
    });
    return this.#lengthBytes - bytes.length;
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

  /** Gives up the lock and closes the descriptor. */
  close(): void {
    unlockAndClose(this.fd);
  }

  #write(bytes: Buffer): void {
    try {
      // write(2) may write less than asked without an error (a full disk, a signal).
      const written = writeSync(this.fd, bytes);
      if (written < bytes.length) throw noSpace(written, bytes.length);
      if (this.#isSynced) fdatasyncSync(this.fd);
    } catch (error) {
      this.#hasStrayTail = true;
      try {
        this.cutTail();
      } catch {
        // Tried again before the next write. If the owner dies before that, a whole record in the tail counts as registered:
        // `docs/guarantees.md`, Disks.
      }
      throw error;
    }
  }
}
