/** A locked file that grows by whole writes. A write that failed or was short is cut off again. */
import { fdatasyncSync, fstatSync, ftruncateSync, readSync, writeSync } from 'node:fs';
import { DeferredSweepError, unlessRefused } from '../errors.ts';
import { unlockAndClose } from '../lock/close.ts';
import { nativeAddon } from '../lock/native.ts';
import { succeeded } from '../lock/system-error.ts';
import { FRAME_HEAD_BYTES, frameLength } from '../log/frame.ts';
import { readAll, shortWriteError, stateIo } from './file-io.ts';

export class AppendFile {
  readonly path: string;
  readonly fd: number;
  /** True: each append ends with fdatasync(2). */
  readonly #isSynced: boolean;
  /** The end of the last whole record. */
  #lengthBytes: number;
  /** Bytes behind `#lengthBytes` have to be cut off before the next write: a mark behind them would turn them into damage. */
  #hasStrayTail: boolean;

  /** @param fd - open O_RDWR|O_APPEND, locked; this object owns it from now on */
  constructor(path: string, fd: number, isSynced: boolean, lengthBytes: number, hasStrayTail: boolean) {
    this.path = path;
    this.fd = fd;
    this.#isSynced = isSynced;
    this.#lengthBytes = lengthBytes;
    this.#hasStrayTail = hasStrayTail;
  }

  /**
   * Appends by one write(2). When this throws, none of the bytes counts.
   * @param asksForName - true: returns false if, after the write, the path does not name the file
   * @throws DeferredSweepError `DEFERRED_TOO_LARGE`, `DEFERRED_STATE_IO`
   */
  append(bytes: Buffer, maxBytes: number, asksForName: boolean): boolean {
    if (this.#lengthBytes + bytes.length > maxBytes) {
      throw new DeferredSweepError(
        'DEFERRED_TOO_LARGE',
        `cannot add ${bytes.length} bytes to ${this.path}: a state file takes at most ${maxBytes} bytes; end the job or defer less`,
        { path: this.path },
      );
    }
    return stateIo(`write to ${this.path}`, this.path, () => {
      if (this.#hasStrayTail) this.cutTail();
      const isNamed = this.#write(bytes, asksForName);
      this.#lengthBytes += bytes.length;
      return isNamed;
    });
  }

  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Takes back what was appended since the file had this length. */
  takeBack(lengthBytes: number): void {
    this.#lengthBytes = lengthBytes;
    this.#hasStrayTail = true;
    try {
      this.cutTail();
    } catch {
      // Tried again before the next write. If the owner dies before that, a whole record in the tail counts as registered:
      // `docs/guarantees.md`, Disks.
    }
  }

  /** Without a stray tail: no caller was told that it is written. */
  read(): Buffer {
    const bytes = this.readAll();
    return this.#hasStrayTail ? bytes.subarray(0, this.#lengthBytes) : bytes;
  }

  readAll(): Buffer {
    return readAll(this.fd, this.path);
  }

  readFrom(offset: number): Buffer {
    return this.#readZeros(offset, Math.max(0, this.#lengthBytes - offset));
  }

  /** The frame at an offset, or as much of it as counts. */
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

  /** As {@link truncate}; without a call if nothing was written behind this length. */
  shrinkTo(lengthBytes: number): void {
    if (lengthBytes < this.#lengthBytes || this.#hasStrayTail) this.truncate(lengthBytes);
  }

  truncate(lengthBytes: number): void {
    ftruncateSync(this.fd, lengthBytes);
    this.#lengthBytes = lengthBytes;
    this.#hasStrayTail = false;
  }

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

  close(): void {
    unlockAndClose(this.fd);
  }

  #write(bytes: Buffer, asksForName: boolean): boolean {
    try {
      const written = asksForName
        ? succeeded(nativeAddon().appendNamed(this.fd, this.path, bytes))
        : writeSync(this.fd, bytes);
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
